from dataclasses import dataclass
from functools import partial

from bench.analyse.cells import attribution
from bench.analyse.cells.attribution import by_file, package_of, repeats, sentence
from tests.factories import cell

subtract = partial(attribution.subtract, cell=cell("accelerate"))


@dataclass(frozen=True)
class Counts:
    file: str
    function: str
    line: int
    python_calls: int = 0
    tensor_bytes: int = 0


BASELINE = [
    Counts("torch/optim/adam.py", "Adam.step", 10, python_calls=1),
    Counts("torch/utils/data/dataloader.py", "DataLoader.__iter__", 5, python_calls=9),
    Counts("loop.py", "train.<locals>.<lambda>", 3, python_calls=2),
    Counts("loop.py", "train.<locals>.<lambda>", 4, python_calls=3),
]
CANDIDATE = [
    Counts("torch/optim/adam.py", "Adam.step", 12, python_calls=1),
    Counts("accelerate/optimizer.py", "AcceleratedOptimizer.step", 20, python_calls=12),
    Counts("accelerate/optimizer.py", "AcceleratedOptimizer.zero_grad", 30, python_calls=4),
    Counts("accelerate/state.py", "GradientState.__init__", 40, python_calls=30),
    Counts("contextlib.py", "ExitStack.__exit__", 50, python_calls=2),
    Counts("<frozen os>", "fspath", 1, python_calls=1),
    Counts("loop.py", "train.<locals>.<lambda>", 3, python_calls=6),
]


def test_every_function_that_differs_has_a_row_and_no_other():
    rows = subtract(BASELINE, CANDIDATE, "python_calls")
    assert [(row.function, row.baseline, row.candidate, row.delta) for row in rows] == [
        ("GradientState.__init__", 0, 30, 30),
        ("AcceleratedOptimizer.step", 0, 12, 12),
        ("DataLoader.__iter__", 9, 0, -9),
        ("AcceleratedOptimizer.zero_grad", 0, 4, 4),
        ("ExitStack.__exit__", 0, 2, 2),
        ("fspath", 0, 1, 1),
        ("train.<locals>.<lambda>", 5, 6, 1),
    ]


def test_a_function_that_moved_is_the_same_function_and_shows_its_new_line():
    (row,) = subtract(
        [Counts("a.py", "f", 1, python_calls=1)], [Counts("a.py", "f", 9, python_calls=3)], "python_calls"
    )
    assert (row.line, row.delta) == (9, 2)
    (gone,) = subtract([Counts("a.py", "f", 1, python_calls=1)], [], "python_calls")
    assert (gone.line, gone.delta) == (1, -1)


def test_rows_roll_up_by_file():
    rows = subtract(BASELINE, CANDIDATE, "python_calls")
    assert [(group.name, group.delta) for group in by_file(rows)] == [
        ("accelerate/state.py", 30),
        ("accelerate/optimizer.py", 16),
        ("torch/utils/data/dataloader.py", -9),
        ("contextlib.py", 2),
        ("<frozen os>", 1),
        ("loop.py", 1),
    ]


def test_a_file_is_of_the_package_it_is_imported_from_or_of_python():
    files = ("accelerate/state.py", "torch/optim/adam.py", "contextlib.py", "<frozen os>", "loop.py")
    assert [package_of(file) for file in files] == ["accelerate", "torch", "python", "python", "loop"]


def test_the_sentence_names_files_and_functions_and_its_parts_sum_to_the_whole():
    rows = subtract(BASELINE, CANDIDATE, "python_calls")
    assert sentence(rows, "python_calls", files=3, functions=1) == (
        "41 extra Python calls per step: +30 in accelerate/state.py (GradientState.__init__), "
        "+16 in accelerate/optimizer.py (AcceleratedOptimizer.step +12, …), "
        "−9 in torch/utils/data/dataloader.py (DataLoader.__iter__) and +4 in 3 other files."
    )
    assert 30 + 16 - 9 + 4 == 41 == sum(row.delta for row in rows)


def test_the_sentence_of_a_saving_has_the_signs_of_its_parts_where_one_does_more():
    rows = subtract(
        [Counts("a.py", "f", 1, python_calls=40), Counts("a.py", "g", 2, python_calls=1)],
        [Counts("a.py", "g", 2, python_calls=5), Counts("b.py", "h", 1, python_calls=8)],
        "python_calls",
    )
    assert (
        sentence(rows, "python_calls")
        == "28 fewer Python calls per step: −36 in a.py (f −40, g +4) and +8 in b.py (h)."
    )


def test_the_sentence_of_a_saving_counts_what_there_is_less():
    rows = subtract(CANDIDATE[3:4], [], "python_calls")
    assert sentence(rows, "python_calls") == (
        "30 fewer Python calls per step: in accelerate/state.py (GradientState.__init__)."
    )


def test_files_whose_functions_cancel_are_not_named():
    moved = [Counts("z.py", "old", 1, python_calls=3)], [Counts("z.py", "new", 2, python_calls=3)]
    more = Counts("a.py", "f", 1, python_calls=2)
    rows = subtract(moved[0], [*moved[1], more], "python_calls")
    assert sentence(rows, "python_calls") == "2 extra Python calls per step: in a.py (f)."
    other = Counts("b.py", "g", 1, python_calls=4)
    rows = subtract(moved[0], [*moved[1], more, other], "python_calls")
    assert sentence(rows, "python_calls", files=2) == "6 extra Python calls per step: 4 in b.py (g) and 2 in a.py (f)."
    rows = subtract(
        [Counts("y.py", "h", 1, python_calls=1)], [other, Counts("z.py", "i", 1, python_calls=1)], "python_calls"
    )
    assert sentence(rows, "python_calls", files=1) == "4 extra Python calls per step: +4 in b.py (g)."


def test_the_sentence_of_bytes_and_of_nothing():
    rows = subtract([], [Counts("torch/utils/data/collate.py", "collate", 1, tensor_bytes=16896)], "tensor_bytes")
    assert sentence(rows, "tensor_bytes") == (
        "16,896 extra tensor bytes at a step's peak: in torch/utils/data/collate.py (collate)."
    )
    assert sentence([], "syncs") == "No extra values read back to the host per step."


def test_a_counter_repeats_only_if_both_processes_counted_the_same():
    assert repeats({"ops": 5, "syncs": 6, "kernels": None}, {"ops": 5, "syncs": 7, "c_calls": 1, "kernels": None}) == {
        "c_calls": False,
        "kernels": True,
        "ops": True,
        "syncs": False,
    }
