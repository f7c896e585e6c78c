"""The processes of a judge that runs on one or several ranks."""

import os
import tempfile


def environments(world, **more):
    """The environment of each rank. They meet at a file of their own (shim.init_process_group): TCP ports that two tests
    draw at the same time collide, and then the ranks of one wait for those of the other."""
    meeting = os.path.join(tempfile.mkdtemp(prefix="mhub-ranks-"), "store")
    common = dict(os.environ, WORLD_SIZE=str(world), RENDEZVOUS=meeting, OMP_NUM_THREADS="1", **more)
    return [dict(common, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(world)]
