"""What a campaign that goes on with a journal measures again, and what it decides by."""

import pytest

from bench.execute.campaign import Campaign
from bench.records.schema import PlannedLength
from tests import factories


def going_on(*phases):
    """A campaign over a journal with one trial of each of these passes, its length chosen."""
    run = factories.run(runners=["pytorch"])
    done = [factories.trial(phase=phase, block=-1 if phase == "pilot" else 0) for phase in phases]
    planned = [PlannedLength(comparison=factories.comparison(), length=factories.LENGTH)]
    return Campaign(run.settings, done=done, planned=planned)


@pytest.mark.parametrize(("phases", "pilots"), [(["pilot"], 1), (["pilot", "timing"], 0), ([], 0)])
def test_a_length_that_has_been_measured_with_is_kept(phases, pilots):
    assert len(going_on(*phases)._without_length()) == pilots


def test_a_run_that_was_killed_in_a_block_decides_on_it_by_the_blocks_before_and_counts_what_it_adds():
    settings = factories.run(runners=["pytorch"], blocks=2, trials_per_block=1).settings
    settings = settings.model_copy(update={"passes": ["timing"], "steps": 60})
    done = [factories.trial(block=block) for block in range(3)]
    campaign = Campaign(settings, done=done)
    assert campaign.total_trials == 2
    shown = []

    def next_rounds(blocks, trials):
        shown.append((blocks, [trial.block for trial in trials]))
        return campaign.rounds if blocks < 3 else []

    assert list(campaign.run(next_rounds)) == []  # all of them are in the journal
    assert shown == [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2])]
    assert campaign.total_trials == 3
