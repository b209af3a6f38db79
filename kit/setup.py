"""What of the repository the kit's wheel holds: the modules that a partner runs, and the declarations they read.

The modules are those of the repository itself. Only the package of the command line is left empty here, since its own
beginning gathers the commands of every zone.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
EVERY = {"contracts", "kit", "levels", "partner"}  # packages, whole
SOME = {
    "pipeline": {
        "__init__", "errors", "installation", "manifest", "progress", "questions", "records", "rejections", "settings",
        "sftp", "terminal", "transport",
    },
    "pipeline.cli": {"__init__", "ending", "linkage_keys", "options", "partner", "questions"},
}  # fmt: skip
DECLARED = "pipeline.declared"
DECLARATIONS = ["evidence.yaml", "review.yaml", "extracts/*.yaml", "linkage/*.yaml"]


class Build(build_py):
    """Takes the modules named here, and empties the beginning of `pipeline.cli`."""

    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)  # nothing of an earlier build
        super().run()

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found = super().find_package_modules(package, package_dir)
        return [entry for entry in found if entry[1] in SOME.get(package, {entry[1]})]

    def build_module(self, module: str, module_file: str, package: str) -> object:
        done = super().build_module(module, module_file, package)
        if (package, module) == ("pipeline.cli", "__init__"):
            target = Path(self.get_module_outfile(self.build_lib, ["pipeline", "cli"], "__init__"))
            target.write_text('"""Commands of the partner\'s data officer."""\n', encoding="utf-8")
        return done


packages = ["pipeline", "pipeline.cli", *(f"pipeline.{name}" for name in sorted(EVERY))]
folders = {package: f"../{package.replace('.', '/')}" for package in packages}
setup(
    packages=[*packages, DECLARED],
    package_dir={**folders, DECLARED: "../schemas"},
    package_data={DECLARED: DECLARATIONS},
    include_package_data=False,
    cmdclass={"build_py": Build},
)
