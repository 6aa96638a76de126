//! NumPy's seeding, bit for bit: SeedSequence and PCG64.
