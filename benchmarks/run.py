"""All measurements, one after another: `make bench`."""

from __future__ import annotations

from benchmarks import ped2_pixels, published_code, speed

if __name__ == "__main__":
    published_code.main()
    ped2_pixels.main()
    speed.main()
