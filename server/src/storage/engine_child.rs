//! What the child process does: loads the ClickHouse library into our own binary and runs it until its parent goes.
//!
//! The engine runs in its own process because it may crash or be killed for its memory, and neither may take the
//! receivers with it. The parent holds the other end of this process's stdin; when that closes, however the
//! parent died, the engine shuts down.
#![allow(unsafe_code, reason = "calls into a C library")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// The ClickHouse library.
    #[arg(long)]
    pub library: PathBuf,
    /// The folder with config.xml and users.xml.
    #[arg(long)]
    pub folder: PathBuf,
    #[arg(long)]
    pub http_port: u16,
}

/// Opens the listener and then idles. The engine's own session may do no more than these statements need.
const STATEMENTS: &str = "SYSTEM START LISTEN HTTP; \
     SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size = 1 FORMAT Null";
/// How long an engine may take to close its files before it is ended.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

pub fn run(args: &EngineArgs) -> anyhow::Result<()> {
    std::thread::Builder::new().name("parent-watch".into()).spawn(end_with_parent)?;
    // SAFETY: the library's initialisers are those of ClickHouse, made to run at load.
    let library = unsafe { libloading::Library::new(&args.library) }
        .with_context(|| format!("cannot load the ClickHouse library {}", args.library.display()))?;
    type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
    // SAFETY: the signature is that of the library's public header.
    let main: libloading::Symbol<'_, Main> = unsafe { library.get(b"chdb_query_cmdline") }.context(
        "the library has no chdb_query_cmdline: it is not a ClickHouse library this version can use",
    )?;
    let arguments = [
        "skein-engine".to_owned(),
        format!("--config-file={}", args.folder.join("config.xml").display()),
        format!("--path={}", args.folder.join("data").display()),
        format!("--http_port={}", args.http_port),
        "--log-level=warning".to_owned(),
        "--multiquery".to_owned(),
        format!("--query={STATEMENTS}"),
    ];
    let arguments: Vec<CString> = arguments.into_iter().map(CString::new).collect::<Result<_, _>>()?;
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    // SAFETY: argc strings, closed by a null pointer, all alive until the call returns.
    unsafe { main(arguments.len() as c_int, pointers.as_mut_ptr()) };
    anyhow::bail!(
        "the engine stopped by itself; what it said is above or in {}",
        args.folder.join("engine.err.log").display()
    )
}

fn end_with_parent() {
    let mut byte = [0];
    while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {}
    // SAFETY: plain system calls on our own process.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
    std::thread::park_timeout(STOP_DEADLINE);
    // SAFETY: as above; parts on disk are whole at any moment.
    unsafe { libc::_exit(1) };
}
