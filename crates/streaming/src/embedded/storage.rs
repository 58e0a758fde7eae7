//! Keeping an embedded log in a folder: one file, a line that names its format, then frames. A frame is one commit
//! or one topic: the length of its payload (4 bytes, little endian), the first 4 bytes of the SHA-256 of these, the
//! first 8 bytes of the payload's SHA-256, and the payload, a JSON document.
//!
//! A frame that is cut off at the end of the file was being written when the process died: it was never confirmed,
//! and is dropped. Everything else that does not match its checksum is damage, and the file is refused: a
//! confirmed commit may be behind it.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use measurement::digest::{self, hex};
use serde::{Deserialize, Serialize};

use crate::{
    record::{Record, TopicPartition},
    words::{Cleanup, LogError, TopicSpec},
};

/// First line of the file.
const FORMAT: &[u8] = b"vernier embedded log, format 2\n";
/// Bytes before a payload.
const HEADER: usize = 16;

#[derive(Debug)]
pub(super) struct Storage {
    file: File,
}

/// What was kept.
pub(super) enum Kept {
    Topic(TopicSpec),
    Commit { records: Vec<Record>, group: Option<String>, offsets: Vec<(TopicPartition, i64)> },
}

/// Takes what was kept, in the order of writing.
type Sink<'a> = &'a mut dyn FnMut(Kept);

#[derive(Serialize, Deserialize)]
enum Frame {
    Topic { name: String, partitions: i32, compact: bool, configs: std::collections::BTreeMap<String, String> },
    Commit { records: Vec<StoredRecord>, group: Option<String>, offsets: Vec<(String, i32, i64)> },
}

/// topic, partition, timestamp, key, value, headers; bytes in hexadecimal.
type StoredRecord = (String, i32, Option<i64>, Option<String>, Option<String>, Vec<(String, String)>);

fn storage_error(doing: &str, fault: impl std::fmt::Display) -> LogError {
    LogError::Storage(format!("{doing}: {fault}"))
}

impl Storage {
    pub(super) fn open(folder: &Path, sink: Sink<'_>) -> Result<Self, LogError> {
        fs::create_dir_all(folder).map_err(|fault| storage_error("create the folder", fault))?;
        let path = folder.join("log");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|fault| storage_error("open the file", fault))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|fault| storage_error("read the file", fault))?;
        // Empty, or cut off in its first line.
        if bytes.len() < FORMAT.len() && FORMAT.starts_with(&bytes) {
            bytes.clear();
            file.set_len(0).map_err(|fault| storage_error("write the file", fault))?;
            file.seek(SeekFrom::Start(0)).map_err(|fault| storage_error("write the file", fault))?;
            file.write_all(FORMAT).map_err(|fault| storage_error("write the file", fault))?;
            bytes.extend_from_slice(FORMAT);
        }
        let whole = replay(&bytes, sink).map_err(|fault| storage_error(&path.display().to_string(), fault))?;
        if whole < bytes.len() {
            tracing::warn!(dropped = bytes.len() - whole, "embedded log: the end of the file was torn and is dropped");
        }
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(whole).map_err(|fault| storage_error("cut the torn end", fault))?;
        file.seek(SeekFrom::Start(whole)).map_err(|fault| storage_error("go to the end", fault))?;
        Ok(Self { file })
    }

    pub(super) fn topic(&mut self, spec: &TopicSpec) -> Result<(), LogError> {
        self.append(&Frame::Topic {
            name: spec.name.clone(),
            partitions: spec.partitions,
            compact: spec.cleanup == Cleanup::Compact,
            configs: spec.configs.clone(),
        })
    }

    pub(super) fn commit(
        &mut self,
        records: &[Record],
        group: Option<&str>,
        offsets: &[(TopicPartition, i64)],
    ) -> Result<(), LogError> {
        self.append(&Frame::Commit {
            records: records.iter().map(store).collect(),
            group: group.map(str::to_owned),
            offsets: offsets.iter().map(|(at, offset)| (at.topic.to_string(), at.partition, *offset)).collect(),
        })
    }

    fn append(&mut self, frame: &Frame) -> Result<(), LogError> {
        let payload = serde_json::to_vec(frame).map_err(|fault| storage_error("encode a frame", fault))?;
        let length = u32::try_from(payload.len()).map_err(|fault| storage_error("encode a frame", fault))?;
        let length = length.to_le_bytes();
        let mut bytes = Vec::with_capacity(payload.len() + HEADER);
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&digest::first::<4>(&length));
        bytes.extend_from_slice(&digest::first::<8>(&payload));
        bytes.extend_from_slice(&payload);
        self.file.write_all(&bytes).map_err(|fault| storage_error("write a frame", fault))?;
        self.file.sync_data().map_err(|fault| storage_error("sync a frame", fault))
    }
}

/// Hands over all whole frames and gives the length of the file up to the last of them. What is wrong otherwise.
fn replay(bytes: &[u8], sink: Sink<'_>) -> Result<usize, String> {
    let Some(mut rest) = bytes.strip_prefix(FORMAT) else {
        let format = String::from_utf8_lossy(FORMAT);
        return Err(format!(
            "this is no file of the format `{}` that this build reads: use the build that wrote it, or another folder",
            format.trim_end()
        ));
    };
    let mut whole = FORMAT.len();
    let damaged = |whole: usize, what: &str| {
        Err(format!(
            "{what} of the frame at byte {whole} does not match its checksum: restore the file from a copy, or give up that commit and all after it with `truncate -s {whole}`"
        ))
    };
    while let Some((header, after)) = rest.split_at_checked(HEADER) {
        let (length, sums) = header.split_at(4);
        let (length_sum, payload_sum) = sums.split_at(4);
        if digest::first::<4>(length) != length_sum {
            return damaged(whole, "the length");
        }
        let length = length.iter().rev().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        if digest::first::<8>(payload) != payload_sum {
            return damaged(whole, "the content");
        }
        let frame = serde_json::from_slice::<Frame>(payload)
            .map_err(|fault| format!("the frame at byte {whole} is none of this build: {fault}"))?;
        sink(frame.into_kept());
        whole += HEADER + length;
        rest = after;
    }
    Ok(whole)
}

impl Frame {
    fn into_kept(self) -> Kept {
        match self {
            Self::Topic { name, partitions, compact, configs } => {
                let cleanup = if compact { Cleanup::Compact } else { Cleanup::Delete };
                Kept::Topic(TopicSpec { name, partitions, replication_factor: 1, cleanup, configs })
            }
            Self::Commit { records, group, offsets } => {
                let offsets = offsets
                    .into_iter()
                    .map(|(topic, partition, offset)| (TopicPartition::new(&topic, partition), offset));
                let records = records.into_iter().filter_map(load);
                Kept::Commit { records: records.collect(), group, offsets: offsets.collect() }
            }
        }
    }
}

fn store(record: &Record) -> StoredRecord {
    (
        record.partition.topic.to_string(),
        record.partition.partition,
        record.timestamp,
        record.key.as_deref().map(hex),
        record.value.as_deref().map(hex),
        record.headers.iter().map(|(name, value)| (name.clone(), hex(value))).collect(),
    )
}

fn load((topic, partition, timestamp, key, value, headers): StoredRecord) -> Option<Record> {
    let optional = |text: Option<String>| text.map_or(Some(None), |text| unhex(&text).map(Some));
    Some(Record {
        partition: TopicPartition::new(&topic, partition),
        offset: -1,
        timestamp,
        key: optional(key)?,
        value: optional(value)?,
        headers: headers.into_iter().map(|(name, value)| Some((name, unhex(&value)?))).collect::<Option<_>>()?,
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4) | low).collect())
}
