"""How much is done at once, by how it went before."""

from services.evaluator.batch_size import OBJECTIVES_MAX, JudgingSize


def test_a_judging_that_is_given_up_again_and_again_becomes_one_of_a_single_objective() -> None:
    size = JudgingSize()
    assert size.most == OBJECTIVES_MAX
    sizes = []
    for _ in range(4):
        size.given_up()
        sizes.append(size.most)
    assert sizes == [16, 4, 1, 1]


def test_what_goes_well_is_tried_with_more_until_all_are_judged_at_once_again() -> None:
    size = JudgingSize()
    for _ in range(3):
        size.given_up()
    for _ in range(10):
        size.done()
    assert size.most == OBJECTIVES_MAX
