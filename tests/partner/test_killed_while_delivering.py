"""The kit killed at every step of sealing and delivering: called again, each draft arrives once.

The steps are the calls that change a file system (as Python's audit events tell them); the process ends itself with
SIGKILL just before the n-th of them, for every n.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from pipeline.errors import ExtractError
from pipeline.installation import seal_and_deliver
from pipeline.manifest import Manifest
from pipeline.partner.seal import sent_deliveries
from pipeline.settings import Settings
from tests.partner.kit import CONTRACTS, HUB, council_extract, partner_keys, run_kit, write_extract

COUNCIL = CONTRACTS["council"]
CHANGING = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
MOST_STEPS = 500


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose council has its keys and a draft."""
    folder = tmp_path_factory.mktemp("drafted")
    settings = Settings(home=folder / "home")
    keys = settings.partner_keys("council")
    keys.mkdir(parents=True)
    held = partner_keys()
    for name, key in (
        ("partner.key", held.partner_key), ("linkage-v1.key", held.linkage_key), ("signing.key", held.signing_key),
    ):  # fmt: skip
        (keys / name).write_text(key.hex())
        (keys / name).chmod(0o600)
    (keys / "hub.recipient").write_text(str(HUB.to_public()))
    raw = write_extract(council_extract(12), folder / "raw")
    run_kit(raw, settings.outbox("council") / "draft", held)
    settings.landing("council").mkdir(parents=True)
    return settings.home


def killed_before_step(settings: Settings, step: int) -> bool:
    """Deliver in a process that is killed before its n-th change of the file system; whether it came to that."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[object, ...]) -> None:
            writing = event == "open" and str(arguments[1]) not in ("r", "rb", "None")
            if event in CHANGING or writing:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            seal_and_deliver(settings, COUNCIL)
        except BaseException:  # the child must end here, whatever happens
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def taken_by_the_hub(settings: Settings, into: Path) -> None:
    into.mkdir(exist_ok=True)
    for signature in settings.landing("council").glob("*/manifest.sig"):
        shutil.move(signature.parent, into / f"{len(list(into.iterdir()))} {signature.parent.name}")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("hub_is_quick", [True, False])
def test_killed_anywhere_each_draft_arrives_once(drafted: Path, tmp_path: Path, hub_is_quick: bool) -> None:
    step = 0
    while True:
        step += 1
        assert step < MOST_STEPS
        settings, taken = Settings(home=tmp_path / str(step)), tmp_path / f"taken {step}"
        shutil.copytree(drafted, settings.home)
        killed = killed_before_step(settings, step)
        if hub_is_quick:
            taken_by_the_hub(settings, taken)
        try:
            seal_and_deliver(settings, COUNCIL)
        except ExtractError as nothing_left:
            assert "nothing stands here" in nothing_left.rule  # noqa: PT017
        taken_by_the_hub(settings, taken)
        assert [path.name.split("-")[1] for path in taken.iterdir()] == ["000001"], f"killed before step {step}"
        (arrived,) = taken.iterdir()
        assert Manifest.model_validate_json((arrived / "manifest.json").read_bytes()).sequence == 1
        (entry,) = sent_deliveries(settings.partner_home("council") / "sent.jsonl")
        outbox = settings.outbox("council")
        assert [path.name for path in outbox.iterdir() if not path.name.endswith(".partial")] == ["sent"]
        assert [path.name for path in (outbox / "sent").iterdir()] == [entry.delivery_id]
        assert not list(settings.partner_home("council").rglob("*.csv"))
        if not killed:
            break
    assert step > 40


def test_a_landing_folder_that_is_not_mounted_is_not_taken_for_one_that_was_emptied(
    drafted: Path, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home")
    shutil.copytree(drafted, settings.home)
    step = 0
    while not list(settings.outbox("council").glob(".*.handed-over")):
        shutil.rmtree(settings.home)
        shutil.copytree(drafted, settings.home)
        step += 1
        assert killed_before_step(settings, step)
    shutil.rmtree(settings.landing("council"))
    (tmp_path / "something else").mkdir()  # so that the inode of the folder that is gone is not given again
    settings.landing("council").mkdir()
    with pytest.raises(ExtractError, match="not the place it was put into"):
        seal_and_deliver(settings, COUNCIL)
