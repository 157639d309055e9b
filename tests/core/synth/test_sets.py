"""The sets of scenes: apart from each other, and as large as figures from them need."""

from itertools import combinations, islice

from matrix3d_core.synth.sets import SETS, open_families, scenes_of


def test_no_family_and_no_seed_is_in_two_sets():
    assert set(SETS) == {"train", "dev", "judge"}
    for one, other in combinations(SETS.values(), 2):
        assert not set(one.families) & set(other.families)
        assert not set(one.seeds) & set(other.seeds)


def test_what_is_offered_for_training_leaves_the_judge_set_out():
    assert open_families() == [*SETS["train"].families, *SETS["dev"].families]


def test_sets_are_as_large_as_figures_need():
    assert len(SETS["train"].families) >= 8
    assert {"apartment", "suburb", "orchard"} <= set(SETS["judge"].families)
    assert len(SETS["judge"].seeds) >= 20
    assert sum(len(each.families) for each in SETS.values()) >= 10


def test_scenes_alternate_between_families():
    families = SETS["dev"].families
    first = SETS["dev"].seeds[0]
    assert list(islice(scenes_of("dev"), 4)) == [
        *((name, first) for name in families),
        (families[0], first + 1),
    ]
    assert len(set(scenes_of("judge"))) == len(SETS["judge"].families) * len(SETS["judge"].seeds)
