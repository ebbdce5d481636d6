"""Every campaign, in the order of the table."""

from soak.campaign import Campaign

CAMPAIGNS: tuple[Campaign, ...] = ()
