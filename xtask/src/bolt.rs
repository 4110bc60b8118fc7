//! `cargo xtask bolt`: lays out the code of the shipped programs by LLVM's BOLT: how a load goes through it is counted, and what
//! it goes through is put together, apart from all else.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use tokio::{select, signal::ctrl_c};

use crate::{
    bench::{
        builds::Build,
        load::{self, Load, Pace},
        shop::Shop,
    },
    cluster::Folder,
    programs::{self, NAMES, Profile, Programs, target},
};

#[derive(Args)]
pub struct Options {
    /// LLVM's BOLT, version 16 or newer
    #[arg(long, value_name = "PROGRAM", default_value = "llvm-bolt")]
    bolt: PathBuf,

    #[command(flatten)]
    load: load::Options,
}

/// Of the load: all that customers do.
const SCENARIO: &str = "mixed";

/// Has the linker leave in the programs what BOLT needs to move code.
const RUSTFLAGS: &str = "-C link-arg=-Wl,--emit-relocs";

/// Has GCC leave functions in one piece, which is how BOLT has to find them.
const CFLAGS: &str = "-fno-reorder-blocks-and-partition";

/// Cryptography in assembler: what it takes for granted of its own layout cannot be seen in it.
const LEFT_ALONE: &str = "--skip-funcs=.*aws_lc.*,bn_.*";

/// Each program counts for itself what is gone through, and writes it down when it ends.
const COUNTING: &[&str] = &["--instrument", LEFT_ALONE];

/// Blocks lie as they follow each other, functions as they call each other; what was never gone through lies elsewhere.
const LAID_OUT: &[&str] = &[
    LEFT_ALONE,
    "--reorder-blocks=ext-tsp",
    "--reorder-functions=hfsort",
    "--split-functions",
    "--split-all-cold",
    "--split-eh",
    "--lite",
    "--no-huge-pages",
    "--use-gnu-stack",
    "--remove-symtab",
];

/// Errors: BOLT is not there, or cannot do with these programs; or they fail under the load, before or afterwards.
#[tokio::main]
pub async fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    select! {
        outcome = options.run(root) => outcome,
        _ = ctrl_c() => bail!("interrupted"),
    }
}

impl Options {
    async fn run(&self, root: &Path) -> anyhow::Result<()> {
        self.bolt(["--version"])?;
        let folder = target()?.join("bolt");
        println!("building the programs as they are shipped, with what is needed to move their code");
        let built = build(root, &folder.join("build"))?;
        println!("counting how a load goes through them");
        let profiles = renewed(folder.join("profiles"))?;
        let profile = |name: &str| profiles.join(name).display().to_string();
        let into = renewed(folder.join("counting"))?;
        let counting =
            self.rewrite(&built, &into, COUNTING, |name| format!("--instrumentation-file={}", profile(name)))?;
        self.load(counting).await?;
        println!("laying them out");
        let into = renewed(folder.join("image/services"))?;
        let laid_out = self.rewrite(&built, &into, LAID_OUT, |name| format!("--data={}", profile(name)))?;
        println!("loading what has come of it");
        self.load(laid_out).await?;
        println!("{}", into.display());
        Ok(())
    }

    /// Makes another of each program, in this folder; `profile` says what to do with what was counted.
    fn rewrite(
        &self,
        built: &Programs,
        into: &Path,
        how: &[&str],
        profile: impl Fn(&str) -> String,
    ) -> anyhow::Result<Programs> {
        for name in NAMES {
            let (from, to) = (built.path(name), into.join(name));
            let (profile, how) = (profile(name), how.iter().map(OsStr::new));
            let files = [from.as_os_str(), OsStr::new("-o"), to.as_os_str(), OsStr::new(&profile)];
            self.bolt(files.into_iter().chain(how)).with_context(|| name.to_owned())?;
            fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        }
        fs::copy(built.path("load"), into.join("load"))?;
        Programs::at(&built.root, into)
    }

    fn bolt(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> anyhow::Result<()> {
        let output = Command::new(&self.bolt).args(arguments).output();
        let output =
            output.with_context(|| format!("`{}`, which comes with LLVM, does not run", self.bolt.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {}: {}", self.bolt.display(), output.status, said.trim());
        Ok(())
    }

    /// Nobody may notice anything, whether the programs count or are as they are shipped.
    async fn load(&self, programs: Programs) -> anyhow::Result<()> {
        let build = Build { name: programs.folder.display().to_string(), programs, settings: Vec::new() };
        Folder::with(async |folder| {
            let mut shop = Shop::open(&build, folder).await.context("the shop does not open")?;
            let seen = Load::start(&self.load, &shop, SCENARIO, Pace::AsFastAsItGoes)?.end().await?;
            ensure!(seen.failed == 0.0, "{} of {} failed", seen.failed, seen.requests);
            shop.quiet().await?;
            for instance in shop.cluster.instances_mut() {
                let ended = instance.terminate().await?;
                ensure!(ended.success(), "{}: {ended}", instance.name());
            }
            Ok(())
        })
        .await
    }
}

fn build(root: &Path, target: &Path) -> anyhow::Result<Programs> {
    let variables = [
        ("CARGO_PROFILE_DIST_STRIP", "none".to_owned()),
        ("CFLAGS", besides("CFLAGS", CFLAGS)),
        ("RUSTFLAGS", besides("RUSTFLAGS", RUSTFLAGS)),
    ];
    programs::build(root, target, Profile::Dist, &variables)?;
    Programs::at(root, &target.join("dist"))
}

/// What an environment variable says, and this.
fn besides(variable: &str, flags: &str) -> String {
    env::var(variable).map_or_else(|_| flags.to_owned(), |own| format!("{own} {flags}"))
}

/// The folder, with nothing in it.
fn renewed(folder: PathBuf) -> anyhow::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}
