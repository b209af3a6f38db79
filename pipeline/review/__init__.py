"""Clerical review without clear text: a queue of doubtful links, answers that bind, and questions to the partners."""

from pipeline.review.answers import answer_pair
from pipeline.review.questions import export_questions
from pipeline.review.queue import review_queue
from pipeline.review.replies import import_replies

__all__ = ["answer_pair", "export_questions", "import_replies", "review_queue"]
