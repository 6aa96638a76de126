//! Writes zips, pickles and saves byte by byte, so that every part of them can be wrong.

/// One entry of a zip archive, with headers that need not be true.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) stored: Vec<u8>,
    pub(crate) declared_size: u32,
    pub(crate) crc: u32,
    pub(crate) method: u16,
    pub(crate) flags: u16,
}

impl Entry {
    /// An honest entry without compression.
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            stored: content.to_vec(),
            declared_size: length(content),
            crc: crc32(content),
            method: 0,
            flags: 0,
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("test files are small")
}

/// The zip archive of these entries.
pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = length(&archive);
        let mut description = Vec::new();
        description.extend(20_u16.to_le_bytes());
        description.extend(entry.flags.to_le_bytes());
        description.extend(entry.method.to_le_bytes());
        description.extend([0; 4]); // time and date
        description.extend(entry.crc.to_le_bytes());
        description.extend(length(&entry.stored).to_le_bytes());
        description.extend(entry.declared_size.to_le_bytes());
        description.extend(length(entry.name.as_bytes()).to_le_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&description);
        archive.extend(entry.name.as_bytes());
        archive.extend(&entry.stored);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&description);
        directory.extend([0; 10]); // no comment, first disk, no attributes
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let start = length(&archive);
    let count = u16::try_from(entries.len()).expect("few entries");
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length(&directory).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A deflate stream of about `megabytes` MiB of zeros, 159 times smaller: one block with fixed
/// codes, a literal 0 and then matches of 258 bytes at distance 1, 13 bits each.
pub(crate) fn deflated_zeros(megabytes: usize) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.write("1"); // the last block
    bits.write("10"); // fixed codes, least significant bit first
    bits.write("00110000"); // literal 0
    for _ in 0..megabytes * (1 << 20) / 258 {
        bits.write("1100010100000"); // length 258, distance 1
    }
    bits.write("0000000"); // end of block
    bits.bytes
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn write(&mut self, bits: &str) {
        for bit in bits.bytes() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(bit == b'1') << self.used;
            }
            self.used = (self.used + 1) % 8;
        }
    }
}

/// A tensor of a state dict, as its pickle describes it.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) storage: String,
    pub(crate) storage_elements: i64,
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
}

/// What a save says of its policy at least: that the class is the library's.
pub(crate) const DATA: &str =
    r#"{"policy_class": {"__module__": "stable_baselines3.common.policies"}}"#;

/// A Stable-Baselines3 save that is valid until a test changes it.
#[derive(Clone)]
pub(crate) struct Save {
    pub(crate) data: String,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) storages: Vec<(String, Vec<f32>)>,
}

impl Save {
    /// A PPO policy for two inputs and two actions, with one hidden layer of three.
    pub(crate) fn new() -> Self {
        let mut save = Self {
            data: DATA.to_owned(),
            tensors: Vec::new(),
            storages: Vec::new(),
        };
        save.dense("mlp_extractor.policy_net.0", 2, 3);
        save.dense("action_net", 3, 2);
        save
    }

    /// Adds a dense layer.
    pub(crate) fn dense(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.tensor(&format!("{name}.weight"), &[outputs, inputs]);
        self.tensor(&format!("{name}.bias"), &[outputs]);
    }

    /// Adds a contiguous tensor with a storage of its own.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) {
        let elements: usize = shape.iter().product();
        let signed = |size: usize| i64::try_from(size).expect("test tensors are small");
        let strides = (1..=shape.len()).map(|next| signed(shape[next..].iter().product()));
        let storage = self.storages.len().to_string();
        self.tensors.push(Tensor {
            name: name.to_owned(),
            class: "FloatStorage",
            storage: storage.clone(),
            storage_elements: signed(elements),
            offset: 0,
            shape: shape.iter().map(|&size| signed(size)).collect(),
            strides: strides.collect(),
        });
        self.storages.push((storage, vec![0.5; elements]));
    }

    /// The tensor of this name, to be changed.
    pub(crate) fn named(&mut self, name: &str) -> &mut Tensor {
        self.tensors
            .iter_mut()
            .find(|tensor| tensor.name == name)
            .expect("the tensor is there")
    }

    /// The values of this tensor's storage, to be changed.
    pub(crate) fn values(&mut self, name: &str) -> &mut Vec<f32> {
        let storage = self.named(name).storage.clone();
        let storages = &mut self.storages;
        &mut storages
            .iter_mut()
            .find(|(key, _)| *key == storage)
            .expect("it is there")
            .1
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.with_pickle(&self.pickle())
    }

    /// The whole file with another `data.pkl`.
    pub(crate) fn with_pickle(&self, pickle: &[u8]) -> Vec<u8> {
        let mut entries = vec![Entry::new("archive/data.pkl", pickle)];
        for (name, values) in &self.storages {
            let content: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            entries.push(Entry::new(&format!("archive/data/{name}"), &content));
        }
        self.with_policy(&zip(&entries))
    }

    /// The whole file with another `policy.pth`.
    pub(crate) fn with_policy(&self, policy: &[u8]) -> Vec<u8> {
        zip(&[
            Entry::new("data", self.data.as_bytes()),
            Entry::new("policy.pth", policy),
        ])
    }

    /// `data.pkl`, as `torch.save` writes it but without a memo.
    pub(crate) fn pickle(&self) -> Vec<u8> {
        let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
        for tensor in &self.tensors {
            text(&mut pickle, &tensor.name);
            pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(&mut pickle, "storage");
            pickle.extend(format!("ctorch\n{}\n", tensor.class).bytes());
            text(&mut pickle, &tensor.storage);
            text(&mut pickle, "cpu");
            int(&mut pickle, tensor.storage_elements);
            pickle.extend(b"tQ");
            int(&mut pickle, tensor.offset);
            for sizes in [&tensor.shape, &tensor.strides] {
                pickle.push(b'(');
                for &size in sizes {
                    int(&mut pickle, size);
                }
                pickle.push(b't');
            }
            pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        }
        pickle.extend(b"u.");
        pickle
    }
}

fn text(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(b'X');
    pickle.extend(length(text.as_bytes()).to_le_bytes());
    pickle.extend(text.bytes());
}

/// LONG1, which holds any integer.
fn int(pickle: &mut Vec<u8>, value: i64) {
    pickle.extend(b"\x8a\x08");
    pickle.extend(value.to_le_bytes());
}
