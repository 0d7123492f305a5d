"""The exercises of all lessons: what answers are compared with, and the mistakes that are recognised."""

from mnistlr.lessons.checking import Exercise
from mnistlr.lessons.exercises.lessons_1_to_3 import LESSON_1, LESSON_2, LESSON_3
from mnistlr.lessons.exercises.lessons_4_to_6 import LESSON_4, LESSON_5, LESSON_6
from mnistlr.lessons.exercises.lessons_7_to_9 import LESSON_7, LESSON_8, LESSON_9

_LESSONS = (LESSON_1, LESSON_2, LESSON_3, LESSON_4, LESSON_5, LESSON_6, LESSON_7, LESSON_8, LESSON_9)
EXERCISES: dict[str, Exercise] = {name: exercise for lesson in _LESSONS for name, exercise in lesson.items()}

__all__ = ["EXERCISES"]
