"""The peer: neuraloperator on PyTorch, eager, the same three training steps that `./run bench fno-step` measures.

Usage: peers.py [CASE ...]; prints key=value, one line a case and number of threads: step_ms (forward, h1fd loss, backward,
AdamW) and forward_ms (no gradient), medians of the fastest half of the repetitions; rss_mb, the peak of the process.
"""
import os
import resource
import statistics
import sys
import time

threads = int(os.environ.get("NOMOS_PEER_THREADS", "1"))
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
import torch  # noqa: E402
from neuralop.losses import H1Loss  # noqa: E402
from neuralop.models import FNO  # noqa: E402
from neuralop.training import AdamW  # noqa: E402

CASES = {  # grid, modes, width, batch
    "darcy16-quick": (16, 8, 24, 64),
    "darcy16": (16, 16, 24, 8),
    "64x64": (64, 16, 32, 8),
}


def best(f, repetitions):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        f()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    return statistics.median(times[: max(1, len(times) // 2)])


def run(case, repetitions):
    n, modes, width, batch = CASES[case]
    torch.manual_seed(0)
    net = FNO(n_modes=(modes, modes), in_channels=1, out_channels=1, hidden_channels=width)
    optimizer = AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4)
    loss = H1Loss(d=2)
    x = torch.randn(batch, 1, n, n)
    y = torch.randn(batch, 1, n, n)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(net(x), y).backward()
        optimizer.step()

    def forward():
        with torch.no_grad():
            net(x)

    for _ in range(3):
        step()
    s = best(step, repetitions)
    f = best(forward, repetitions)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peer case={case} threads={threads} step_ms={s:.2f} forward_ms={f:.2f} rss_mb={rss:.0f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(threads)
    for case in sys.argv[1:] or CASES:
        run(case, int(os.environ.get("NOMOS_PEER_REPETITIONS", "20")))
