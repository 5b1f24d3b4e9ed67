//! MNIST (LeCun, Cortes and Burges) and Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), which comes in
//! the same files: IDX, packed with gzip or not.

use std::io::Read;
use std::path::{Path, PathBuf};

use brink_files::ReadFault;
use flate2::read::GzDecoder;

use crate::labelled::{Images, Set};
use crate::{ClassSet, DataConfig, Dataset, Error, Origin};

/// Where it is looked for, relative to the current directory.
const DEFAULT_FOLDER: &str = "datasets/mnist";

/// The largest file read, unpacked: twenty times MNIST's.
const LIMIT: u64 = 1 << 30;

/// IDX of bytes in one dimension, and in three.
const LABELS: u32 = 0x0801;
const IMAGES: u32 = 0x0803;

const SIDE: usize = 28;

const SET: Set = Set {
    origin: Origin::Mnist,
    shape: [1, SIDE, SIDE],
    classes: ClassSet::Mnist,
    mean: &[0.1307],
    std: &[0.3081],
};

/// MNIST was not found, or a file is not in the IDX format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MnistError {
    /// A file cannot be read.
    #[error(
        "cannot read {}, nor the same with .gz: {cause}; put the four IDX files of MNIST or \
         Fashion-MNIST into datasets/mnist, or name their folder with `data.dir`",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: ReadFault,
    },
    /// A file that is not what it should be.
    #[error("{} {what}: fetch it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Other numbers of images and labels.
    #[error("{} has {images} images, and the labels beside it are {labels}", path.display())]
    Counts {
        /// The file of images.
        path: PathBuf,
        /// How many images.
        images: usize,
        /// How many labels.
        labels: usize,
    },
}

/// Loads what a config of `source = "mnist"` asks for.
///
/// # Errors
/// [`MnistError`], and what [`Set::dataset`] refuses.
pub fn load(config: &DataConfig, data_dir: Option<&Path>) -> Result<Dataset, Error> {
    let folder = data_dir.or(config.dir.as_deref());
    let folder = folder.unwrap_or_else(|| Path::new(DEFAULT_FOLDER));
    let train = pair(folder, "train")?;
    let has =
        |name: &str| folder.join(name).is_file() || folder.join(format!("{name}.gz")).is_file();
    let test = has("t10k-images-idx3-ubyte")
        .then(|| pair(folder, "t10k"))
        .transpose()?;
    SET.dataset(config, folder, &train, test.as_ref())
}

fn pair(folder: &Path, part: &str) -> Result<Images, MnistError> {
    let path = folder.join(format!("{part}-images-idx3-ubyte"));
    let side = SIDE as u32;
    let images = idx(&path, IMAGES, &[side, side])?;
    let labels_path = folder.join(format!("{part}-labels-idx1-ubyte"));
    let labels = idx(&labels_path, LABELS, &[])?;
    let count = images.len() / SET.features();
    if count != labels.len() {
        return Err(MnistError::Counts {
            path,
            images: count,
            labels: labels.len(),
        });
    }
    if let Some(at) = labels
        .iter()
        .position(|&label| usize::from(label) >= SET.classes.count())
    {
        return Err(MnistError::Malformed {
            path: labels_path,
            what: format!("has label {} at {at}, and labels are 0 to 9", labels[at]),
        });
    }
    Ok(Images {
        pixels: images,
        labels,
        files: vec![path, labels_path],
    })
}

/// The bytes of an IDX file whose items have a shape.
fn idx(path: &Path, magic: u32, item: &[u32]) -> Result<Vec<u8>, MnistError> {
    let bytes = unpacked(path)?;
    let malformed = |what: String| MnistError::Malformed {
        path: path.to_owned(),
        what,
    };
    let number = |place: usize| {
        let word = bytes.get(4 * place..4 * place + 4)?;
        Some(u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    };
    if number(0) != Some(magic) {
        return Err(malformed(
            "is no IDX file of the kind that its name says".to_owned(),
        ));
    }
    let shape: Option<Vec<u32>> = (2..2 + item.len()).map(number).collect();
    if shape.as_deref() != Some(item) {
        return Err(malformed(format!(
            "has items of shape {shape:?}, and {item:?} is needed"
        )));
    }
    let size: usize = item.iter().map(|&size| size as usize).product();
    let values = &bytes[(2 + item.len()) * 4..];
    let count = number(1).map_or(0, |count| count as usize);
    if count == 0 || Some(values.len()) != count.checked_mul(size) {
        return Err(malformed(format!(
            "says that it has {count} items and has {} bytes of them",
            values.len()
        )));
    }
    Ok(values.to_vec())
}

/// A file's bytes, or those of the same with `.gz`, unpacked.
fn unpacked(path: &Path) -> Result<Vec<u8>, MnistError> {
    let read = |path: &Path| {
        brink_files::read(path, LIMIT).map_err(|cause| MnistError::Read {
            path: path.to_owned(),
            cause,
        })
    };
    if path.is_file() {
        return read(path);
    }
    let mut packed = path.as_os_str().to_owned();
    packed.push(".gz");
    let packed = PathBuf::from(packed);
    if !packed.is_file() {
        return read(path);
    }
    let bytes = read(&packed)?;
    let mut content = Vec::new();
    let unpacked = GzDecoder::new(bytes.as_slice())
        .take(LIMIT + 1)
        .read_to_end(&mut content);
    match unpacked {
        Ok(_) if content.len() as u64 <= LIMIT => Ok(content),
        _ => Err(MnistError::Malformed {
            path: packed,
            what: "does not unpack".to_owned(),
        }),
    }
}
