"""Every campaign, in the order of the table."""

from soak import disk, kill_commands, kill_labels, kill_training, losses, memory
from soak.campaign import Campaign
from soak.fuzz.readers import FUZZING
from soak.mutants import campaigns as mutants

CAMPAIGNS: tuple[Campaign, ...] = (
    *kill_training.CAMPAIGNS,
    *kill_commands.CAMPAIGNS,
    *kill_labels.CAMPAIGNS,
    *disk.CAMPAIGNS,
    *memory.CAMPAIGNS,
    *losses.CAMPAIGNS,
    *FUZZING,
    *mutants.CAMPAIGNS,
)
