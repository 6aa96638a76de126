use super::*;

#[test]
fn integer_seeds_give_numpys_state() {
    let golden: [(u64, [u64; 4]); 4] = [
        (
            0,
            [
                0xdb2c_d7e7_b0f4_78be,
                0xabf4_641a_2c71_ba49,
                0x20c6_ed6d_9d7b_8d41,
                0x2c40_99de_223c_39d4,
            ],
        ),
        (
            (1 << 32) - 1,
            [
                0x2a05_c5e2_76c1_fe08,
                0x2032_e40f_c20e_8198,
                0xed4a_c06d_787f_4396,
                0x5689_6cb4_f3db_80fd,
            ],
        ),
        (
            1 << 32,
            [
                0x50ff_846c_ec53_f444,
                0x7a49_18db_e827_8562,
                0x3bff_9f6c_362e_2b19,
                0xbdb1_7753_9a06_54e3,
            ],
        ),
        (
            u64::MAX,
            [
                0xaebc_a151_928c_ad0d,
                0x119c_3044_8638_dc7a,
                0x1bbb_1556_59e6_42a7,
                0xa76b_11e3_e8c4_a8f6,
            ],
        ),
    ];
    for (seed, state) in golden {
        assert_eq!(
            SeedSequence::new(&[seed]).generate_state(),
            state,
            "seed {seed}"
        );
    }
}

#[test]
fn several_words_give_numpys_state() {
    let golden: [(&[u64], [u64; 4]); 3] = [
        (
            &[1, 2],
            [
                0xd785_48c1_5f2d_64ab,
                0x8ce9_0a29_8a5e_aca9,
                0x5743_8557_31a4_b752,
                0x4c5b_2bcb_9204_ad93,
            ],
        ),
        (
            &[(1 << 32) + 5, 7],
            [
                0x9a6f_e0c7_fd5d_f6f7,
                0xe379_6687_59ff_9908,
                0x8053_79cb_9e42_7f98,
                0xec03_610d_a1ca_3c5d,
            ],
        ),
        (
            &[u64::MAX, 1 << 40, 3],
            [
                0x5ca6_5ed5_a897_50db,
                0x604d_f368_3009_339b,
                0x47fe_d9cd_a388_7a34,
                0x4d4e_32eb_1ecb_be29,
            ],
        ),
    ];
    for (words, state) in golden {
        assert_eq!(
            SeedSequence::new(words).generate_state(),
            state,
            "words {words:?}"
        );
    }
}

#[test]
fn draws_between_0_and_1_are_numpys() {
    let golden = [
        (0, 0.636_961_687_321_454_3),
        (1, 0.511_821_624_700_256_7),
        (42, 0.773_956_048_555_963_3),
        (1 << 53, 0.280_504_627_390_876_9),
        (u64::MAX, 0.680_026_678_961_693_1),
    ];
    for (seed, first) in golden {
        assert_eq!(
            Generator::new(seed).random().to_bits(),
            f64::to_bits(first),
            "seed {seed}"
        );
    }
}

#[test]
fn uniform_draws_are_numpys() {
    let mut generator = Generator::new(42);
    for expected in [
        0.027_395_604_855_596_334,
        -0.006_112_156_024_794_771,
        0.035_859_791_991_138_24,
    ] {
        assert_eq!(
            generator.uniform(-0.05, 0.05).to_bits(),
            f64::to_bits(expected)
        );
    }
}

/// The seven draws leave half an output in store, which `random` must skip and the last two
/// draws must use.
#[test]
fn integers_are_numpys_and_keep_their_spare_half_across_other_draws() {
    let golden: [(u32, [u32; 7], f64, [u32; 2]); 4] = [
        (1, [0; 7], 0.625_095_466_604_667, [0; 2]),
        (10, [9, 6, 6, 8, 5, 7, 8], 0.300_166_284_911_225_43, [2, 2]),
        (
            (1 << 31) + 1,
            [
                1_926_751_966,
                1_241_873_585,
                1_790_251_937,
                483_628_757,
                119_253_154,
                644_602_188,
                1_959_843_384,
            ],
            0.821_228_418_382_766_3,
            [255_728_784, 1_004_882_659],
        ),
        (
            u32::MAX,
            [
                4_058_335_882,
                2_684_764_584,
                2_938_530_452,
                3_853_503_931,
                2_483_747_169,
                3_331_544_670,
                3_580_503_873,
            ],
            0.300_166_284_911_225_43,
            [967_257_514, 1_224_353_587],
        ),
    ];
    for (bound, first, between, last) in golden {
        let mut generator = Generator::new(7);
        assert_eq!(
            first.map(|_| generator.integers_below(bound)),
            first,
            "bound {bound}"
        );
        assert_eq!(
            generator.random().to_bits(),
            between.to_bits(),
            "bound {bound}"
        );
        assert_eq!(
            last.map(|_| generator.integers_below(bound)),
            last,
            "bound {bound}"
        );
    }
}

/// With this bound every second draw is rejected, so a wrong threshold cannot go unseen.
#[test]
fn rejected_integers_are_numpys() {
    let mut generator = Generator::new(3);
    let sum: u64 = (0..100_000)
        .map(|_| u64::from(generator.integers_below((1 << 31) + 1)))
        .sum();
    assert_eq!(sum, 107_425_562_384_875);
    assert_eq!(
        generator.random().to_bits(),
        f64::to_bits(0.348_023_282_616_105_93)
    );
}
