"""What a campaign that goes on with a journal measures again."""

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
