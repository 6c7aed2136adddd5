"""All measurements, one after another: `make bench`."""

from __future__ import annotations

from benchmarks import calls, client_overhead, described, induced, ped2_pixels, published_code, rechecks, speed

if __name__ == "__main__":
    published_code.main()
    ped2_pixels.main()
    speed.main()
    induced.main([])
    described.main()
    rechecks.main([])
    calls.main()
    client_overhead.main()
