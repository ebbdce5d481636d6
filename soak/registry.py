"""Every campaign, in the order of the table."""

from soak import disk, losses, memory
from soak.campaign import Campaign
from soak.fuzz.readers import FUZZING
from soak.mutants import campaigns as mutants

CAMPAIGNS: tuple[Campaign, ...] = (
    *disk.CAMPAIGNS,
    *memory.CAMPAIGNS,
    *losses.CAMPAIGNS,
    *FUZZING,
    *mutants.CAMPAIGNS,
)
