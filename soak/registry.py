"""Every campaign, in the order of the table."""

from soak import disk, kill_commands, kill_labels, kill_node, kill_training, losses, memory
from soak.archives import ARCHIVES
from soak.bombs import BOMBS
from soak.campaign import Campaign
from soak.code_in_models import CODE_IN_MODELS
from soak.concurrency import CONNECTIONS, RUNS, WRITERS
from soak.environment import ENVIRONMENT
from soak.fuzz.readers import FUZZING
from soak.mutants import campaigns as mutants
from soak.names_in_files import NAMES
from soak.names_shown import SHOWN
from soak.upload_names import UPLOADS

CAMPAIGNS: tuple[Campaign, ...] = (
    *kill_training.CAMPAIGNS,
    *kill_commands.CAMPAIGNS,
    *kill_labels.CAMPAIGNS,
    *disk.CAMPAIGNS,
    *kill_node.CAMPAIGNS,
    *memory.CAMPAIGNS,
    *losses.CAMPAIGNS,
    *FUZZING,
    *mutants.CAMPAIGNS,
    BOMBS,
    NAMES,
    SHOWN,
    ARCHIVES,
    CODE_IN_MODELS,
    UPLOADS,
    RUNS,
    WRITERS,
    CONNECTIONS,
    ENVIRONMENT,
)
