//! Pickles that try to execute something, or to cost much.

use super::craft::Save;
use super::{assert_refused, assert_save_refused};
use tars_engine::policy_file::{self, Format};

fn assert_pickle_refused(pickle: &[u8], reason: &str) {
    assert_refused(Format::Sb3Zip, &Save::new().with_pickle(pickle), reason);
}

/// A pickle of protocol 2 with these opcodes.
fn pickle(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x02", opcodes].concat()
}

#[test]
fn a_call_of_a_foreign_function_is_refused_and_not_made() {
    let marker = std::env::temp_dir().join(format!("policy-file-executed-{}", std::process::id()));
    let command = format!("touch {}", marker.display());
    let argument = [
        b"\x8c",
        &[u8::try_from(command.len()).unwrap()][..],
        command.as_bytes(),
        b"\x85R.",
    ]
    .concat();
    let by_global = [b"\x80\x02cos\nsystem\n", &argument[..]].concat();
    let by_stack = [b"\x80\x04\x8c\x02os\x8c\x06system\x93", &argument[..]].concat();
    let reason = "it names \"os\".\"system\", which no policy needs; nothing was executed";
    for pickle in [by_global, by_stack] {
        assert_pickle_refused(&pickle, reason);
        let message = policy_file::read_vec_normalize(&pickle)
            .unwrap_err()
            .to_string();
        assert!(message.contains(reason), "{message}");
    }
    assert!(!marker.exists());
}

#[test]
fn every_name_outside_the_list_is_refused() {
    let names = [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("posix", "system"),
        ("operator", "attrgetter"),
        ("functools", "partial"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("numpy", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("collections", "OrderedDict.__class__"),
        ("gymnasium.spaces.box", "os"),
        ("gymnasium", "spaces.box.Box"),
        ("", ""),
    ];
    for (module, name) in names {
        let pickle = pickle(format!("c{module}\n{name}\n)R.").as_bytes());
        assert_pickle_refused(&pickle, "which no policy needs");
        let message = policy_file::read_vec_normalize(&pickle)
            .unwrap_err()
            .to_string();
        assert!(message.contains("which no policy needs"), "{message}");
    }
}

#[test]
fn names_of_one_kind_of_file_are_refused_in_the_other() {
    assert_pickle_refused(&pickle(b"cnumpy\nndarray\n."), "\"numpy\".\"ndarray\"");
    let message = policy_file::read_vec_normalize(&Save::new().pickle())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("\"torch._utils\".\"_rebuild_tensor_v2\""),
        "{message}"
    );
}

#[test]
fn opcodes_that_policies_do_not_use_are_refused() {
    // INST, OBJ, NEWOBJ_EX, EXT1, PERSID, GET, PUT, POP, DUP, STRING, LONG, NEXT_BUFFER and no
    // opcode at all.
    for opcode in *b"io\x92\x82Pgp02SL\x97\xff" {
        assert_pickle_refused(
            &pickle(&[opcode]),
            &format!("opcode {opcode:#04x} has no place in a policy file"),
        );
    }
}

#[test]
fn calls_of_anything_but_a_name_are_refused() {
    assert_pickle_refused(
        &pickle(b"))R."),
        "it calls something that is not a class or function",
    );
    // The result of a call is not callable either.
    assert_pickle_refused(
        &pickle(b"ccollections\nOrderedDict\n)R)R."),
        "it calls something that is not",
    );
    assert_pickle_refused(
        &pickle(b"ccollections\nOrderedDict\nNR."),
        "wrong thing, on the stack",
    );
}

#[test]
fn a_stack_that_does_not_add_up_is_refused() {
    let cases: [&[u8]; 11] = [
        b".", b"t.", b"(.", b"(N(.", b"\x85.", b"N(\x85.", b"Nb.", b"NNa.", b"}Ns.", b"}(Nu.",
        b"NN\x93.",
    ];
    for opcodes in cases {
        assert_pickle_refused(
            &pickle(opcodes),
            "an opcode finds nothing, or the wrong thing, on the stack",
        );
    }
}

#[test]
fn text_and_lengths_that_lie_are_refused() {
    assert_pickle_refused(&pickle(b"X\xff\xff\xff\xffa"), "it ends in the middle");
    assert_pickle_refused(
        &pickle(b"\x96\xff\xff\xff\xff\xff\xff\xff\xffa"),
        "it ends in the middle",
    );
    assert_pickle_refused(&pickle(b"X\x01\x00\x00\x00\xff."), "text is not UTF-8");
    assert_pickle_refused(&pickle(b"cos"), "it ends in the middle");
    assert_pickle_refused(&pickle(b"N.N"), "there are bytes behind the end");
    assert_pickle_refused(b"", "it ends in the middle");
    assert_pickle_refused(
        b"cos\nsystem\n(S'true'\ntR.",
        "it does not start as a pickle of protocol 2 to 5",
    );
    assert_pickle_refused(
        b"\x80\x06N.",
        "it does not start as a pickle of protocol 2 to 5",
    );
}

#[test]
fn deep_nesting_is_refused_or_harmless() {
    assert_pickle_refused(&pickle(&[b'('; 100]), "it nests deeper than 64 levels");
    // A tuple in a tuple in a tuple: 90,000 levels without a mark.
    let nested = [&b")"[..], &vec![0x85; 90_000], b"."].concat();
    assert_pickle_refused(&pickle(&nested), "it is no dictionary");
}

#[test]
fn endless_and_huge_pickles_are_refused() {
    assert_pickle_refused(
        &pickle(&vec![b'N'; 200_000]),
        "it has more than 100000 opcodes",
    );
    let huge = [&b"B\x00\x00\x20\x00"[..], &vec![0; 2 << 20], b"."].concat();
    assert_pickle_refused(
        &pickle(&huge),
        "policy.pth exceeds the limit of 1048576 bytes",
    );
}

#[test]
fn memo_bombs_are_refused_or_harmless() {
    assert_pickle_refused(
        &pickle(b"Nr\xff\xff\xff\xff."),
        "memo slot 4294967295 is beyond the limit of 65536",
    );
    assert_pickle_refused(&pickle(b"h\x07."), "memo slot 7 was never written");
    // Each tuple holds the one before twice, so written out it would have 2²⁰⁰⁰⁰ leaves.
    let doubling = [
        &b"Nq\x00"[..],
        &b"h\x00h\x00\x86q\x00".repeat(20_000)[..100_000 / 5 * 5],
        b".",
    ]
    .concat();
    let message = super::refusal(Format::Sb3Zip, &Save::new().with_pickle(&pickle(&doubling)));
    assert!(message.contains("it is no dictionary"), "{message}");
}

#[test]
fn values_that_contain_themselves_are_refused() {
    assert_pickle_refused(&pickle(b"]q\x00h\x00a."), "it is no dictionary");
    // A dictionary whose only value is itself, under the name of a weight.
    let own_value = b"}q\x00X\x11\x00\x00\x00action_net.weighth\x00s.";
    assert_pickle_refused(&pickle(own_value), "is no tensor as torch.save writes it");
}

#[test]
fn a_tensor_described_twice_is_refused() {
    let mut save = Save::new();
    save.tensor("action_net.bias", &[2]);
    assert_save_refused(&save, "tensor \"action_net.bias\" occurs twice");
}

#[test]
fn names_from_the_file_are_escaped_and_cut_in_messages() {
    let long = format!("c{}\x1b[31m\nx\n.", "a".repeat(10_000));
    let message = super::refusal(
        Format::Sb3Zip,
        &Save::new().with_pickle(&pickle(long.as_bytes())),
    );
    assert!(
        message.len() < 300 && !message.contains('\x1b'),
        "{message}"
    );
}
