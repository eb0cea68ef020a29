import gc

from licensedcode.cache import get_index

from scanner.engine.speedups.index_loading import load_index


def test_the_index_is_scancodes_own_and_the_collector_is_left_as_it_was():
    assert gc.isenabled()

    index = load_index()

    assert index is get_index()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 1_000_000
