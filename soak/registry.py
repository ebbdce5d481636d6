"""Every campaign, in the order of the table."""

from soak.campaign import Campaign
from soak.mutants import campaigns as mutants

CAMPAIGNS: tuple[Campaign, ...] = (*mutants.CAMPAIGNS,)
