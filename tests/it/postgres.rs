//! Fresh databases for tests: `SQLite` always, `PostgreSQL` from a server given or a throwaway cluster.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::{
    fmt,
    io::Write as _,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Where a server is, with the right to make databases on it.
const SERVER: &str = "SLICE_TEST_DATABASE_URL";
/// Turns a skip into a failure.
const REQUIRED: &str = "SLICE_REQUIRE_POSTGRES";
const BINARIES: &str = "/usr/lib/postgresql";
const START_TRIES: usize = 5;
/// Durability is for data that somebody wants again.
const SERVER_OPTIONS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c shared_buffers=16MB -c max_connections=200 -c listen_addresses=127.0.0.1";

/// A kind of database that Slice runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Every kind that this machine has.
pub fn kinds() -> Vec<Kind> {
    let postgres = server().map(|_| Kind::Postgres);
    [Kind::Sqlite].into_iter().chain(postgres).collect()
}

impl Kind {
    /// A new and empty database.
    pub fn fresh(self) -> TestDatabase {
        match self {
            Self::Sqlite => TestDatabase::sqlite(),
            Self::Postgres => {
                TestDatabase::postgres(server().expect("kinds() names what is there"))
            }
        }
    }
}

/// An empty database of its own, gone when dropped.
pub struct TestDatabase {
    kind: Kind,
    url: String,
    place: Place,
}

enum Place {
    Folder {
        #[expect(dead_code, reason = "held for its drop, which removes the folder")]
        folder: tempfile::TempDir,
    },
    Server {
        database: String,
    },
}

impl TestDatabase {
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// As `DATABASE_URL` wants it.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn sqlite() -> Self {
        let folder = folder("slice-").expect("a temporary folder");
        let path = folder.path().join("slice.db");
        std::fs::File::create(&path).expect("an empty database is an empty file");
        Self {
            kind: Kind::Sqlite,
            url: format!("sqlite:{}", path.display()),
            place: Place::Folder { folder },
        }
    }

    fn postgres(server: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let database = format!("slice_test_{}_{number}", std::process::id());
        on_server(server, format!("CREATE DATABASE {database}")).expect("a new database");
        let mut url = url::Url::parse(server).expect("an address that was used already");
        url.set_path(&database);
        Self {
            kind: Kind::Postgres,
            url: url.into(),
            place: Place::Server { database },
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let (Place::Server { database }, Some(server)) = (&self.place, server()) {
            let dropped = on_server(server, format!("DROP DATABASE {database} WITH (FORCE)"));
            if let Err(why) = dropped {
                eprintln!("{database} stays behind: {why}");
            }
        }
    }
}

/// Runs one statement from wherever we are: inside a runtime or not.
fn on_server(server: &str, sql: String) -> Result<(), String> {
    let run = async {
        let mut connection = PgConnection::connect(server).await?;
        connection.execute(AssertSqlSafe(sql)).await?;
        connection.close().await
    };
    let in_thread = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| why.to_string())?;
        runtime.block_on(run).map_err(|why| why.to_string())
    };
    std::thread::scope(|scope| scope.spawn(in_thread).join()).expect("no panic in there")
}

/// The server's address: one server for all tests of this process.
fn server() -> Option<&'static str> {
    static SERVER_URL: OnceLock<Option<String>> = OnceLock::new();
    let found = SERVER_URL.get_or_init(|| {
        let given = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
        match given.map_or_else(start, Ok) {
            Ok(url) => Some(url),
            Err(why) => {
                let said = format!(
                    "SKIPPED: PostgreSQL ({why}). Set {SERVER}, or install PostgreSQL's server."
                );
                let required = std::env::var(REQUIRED).is_ok_and(|value| value == "1");
                assert!(!required, "{said}");
                // Past the test harness, which keeps what passing tests print.
                let _ = writeln!(std::io::stderr(), "\n{said}\n");
                None
            }
        }
    });
    found.as_deref()
}

fn binary(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<_> = std::fs::read_dir(BINARIES)
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    versions.sort();
    let folders = std::env::split_paths(&path).chain(versions.into_iter().rev());
    let mut found = folders.map(|folder| folder.join(name));
    found
        .find(|file| file.exists())
        .ok_or_else(|| format!("there is no {name} on this machine"))
}

/// `PostgreSQL` refuses to run as root: then it runs as the user who is there for it.
fn lesser_user() -> Option<(u32, u32)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let is_root =
        |line: &str| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0");
    if !status.lines().any(is_root) {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = lesser_user() {
        command.uid(user).gid(group);
    }
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// In memory, where the system has a place there: a test's bot dies, its machine does not, so that nothing
/// is proven by waiting for a disk.
fn folder(prefix: &str) -> std::io::Result<tempfile::TempDir> {
    let mut folder = tempfile::Builder::new();
    folder.prefix(prefix);
    folder.tempdir_in("/dev/shm").or_else(|_| folder.tempdir())
}

/// A cluster that ends with this process, however it ends.
fn start() -> Result<String, String> {
    let (initdb, pg_ctl) = (binary("initdb")?, binary("pg_ctl")?);
    let folder = folder("slice-pg-").map_err(|why| why.to_string())?.keep();
    if let Some((user, group)) = lesser_user() {
        chown(&folder, Some(user), Some(group)).map_err(|why| why.to_string())?;
    }
    let data = folder.join("data");
    let mut make = command(&initdb);
    make.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"]);
    make.args(["--no-sync", "--no-instructions", "-D"])
        .arg(&data);
    run(make)?;
    watch(&pg_ctl, &folder)?;
    let mut why = String::new();
    for _ in 0..START_TRIES {
        // Between our look and the server's bind, somebody else may take the port.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|why| why.to_string())?
            .port();
        let options = format!("-p {port} -k {} {SERVER_OPTIONS}", folder.display());
        let mut begin = command(&pg_ctl);
        begin.arg("-D").arg(&data).arg("-l").arg(folder.join("log"));
        begin.args(["-w", "-t", "30", "-o", &options, "start"]);
        // The server keeps what it inherits open, so it gets no pipe of ours.
        let status = begin.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if status.map_err(|why| why.to_string())?.success() {
            return Ok(format!("postgres://postgres@127.0.0.1:{port}/postgres"));
        }
        why = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    }
    Err(why)
}

/// A shell that reads a pipe which only this process holds: when the process is gone, panicked or
/// killed, it reads the end, stops the server and removes its folder.
fn watch(pg_ctl: &Path, folder: &Path) -> Result<(), String> {
    const SCRIPT: &str = "read -r _; \"$1\" -D \"$2/data\" -m immediate stop; rm -rf \"$2\"";
    let mut shell = command(Path::new("/bin/sh"));
    shell.args(["-c", SCRIPT, "sh"]).arg(pg_ctl).arg(folder);
    shell
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // An interrupt from the terminal is for the tests, not for who cleans up after them.
    let mut child = shell
        .process_group(0)
        .spawn()
        .map_err(|why| why.to_string())?;
    // Held open until the process ends.
    std::mem::forget(child.stdin.take());
    Ok(())
}
