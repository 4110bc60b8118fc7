//! Parsing that reports every problem at once, where clap alone stops at the first.

use std::{env, error::Error, ffi::OsString, fmt, fs, process};

use clap::{
    Arg, Command, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
    value_parser,
};

/// Why there are no settings.
#[derive(Debug)]
pub enum Stop {
    /// A question such as `--help` was answered.
    Answered(clap::Error),
    /// The settings are wrong.
    Wrong(Problems),
}

/// What is wrong with the settings, a line each.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join("\n"))
    }
}

/// The settings of this process, from its arguments and its environment.
///
/// Ends the process where they are wrong (code 2, every problem a line on stderr), and after `--help` (code 0).
pub fn parse<C: Parser>() -> C {
    match try_parse(env::args_os(), |name| env::var_os(name)) {
        Ok(settings) => settings,
        Err(Stop::Answered(answer)) => answer.exit(),
        Err(Stop::Wrong(problems)) => exit_with(&problems),
    }
}

#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "nothing has begun yet, not even a log")]
fn exit_with(problems: &Problems) -> ! {
    eprintln!("{problems}");
    process::exit(2)
}

/// The settings from these arguments (the first is the program's name); `variable` looks up `X_FILE` variables.
///
/// Errors: [`Stop::Wrong`] has every problem, not just the first.
pub fn try_parse<C: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<C, Stop> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut problems = Problems::default();
    let mut command = with_secrets_from_files(C::command(), variable, &mut problems);
    // Only arguments that are built know how they are shown, which is how errors name them.
    command.build();
    loop {
        match command.clone().try_get_matches_from(&arguments) {
            Err(error) if !error.use_stderr() => return Err(Stop::Answered(error)),
            Err(error) => {
                problems.0.extend(lines(&command, &error));
                command = match without_the_cause(&command, &error) {
                    Some(forgiving) => forgiving,
                    None => return Err(Stop::Wrong(problems)),
                };
            }
            Ok(_) if !problems.0.is_empty() => return Err(Stop::Wrong(problems)),
            Ok(matches) => return C::from_arg_matches(&matches).map_err(Stop::Answered),
        }
    }
}

/// Gives each secret the content of its `X_FILE`, where there is one.
fn with_secrets_from_files(
    command: Command,
    variable: impl Fn(&str) -> Option<OsString>,
    problems: &mut Problems,
) -> Command {
    command.mut_args(|secret| {
        let Some(name) = secret_variable(&secret) else { return secret };
        let Some(path) = variable(&format!("{name}_FILE")) else { return secret };
        if variable(&name).is_some() {
            problems.0.push(format!("{name} and {name}_FILE are both set: one of them is enough"));
        }
        match fs::read_to_string(&path) {
            Ok(content) => secret.required(false).default_value(content.trim_end().to_owned()),
            Err(error) => {
                problems.0.push(format!("{name}_FILE: {}: {error}", path.display()));
                secret.required(false)
            }
        }
    })
}

fn secret_variable(argument: &Arg) -> Option<String> {
    let name = argument.get_env().filter(|_| argument.is_hide_env_values_set())?;
    Some(name.to_string_lossy().into_owned())
}

/// The same command, but content with what `error` complains of, so that the next problem can be found; `None` where
/// it cannot be looked past.
fn without_the_cause(command: &Command, error: &clap::Error) -> Option<Command> {
    use ErrorKind::{InvalidValue, MissingRequiredArgument, ValueValidation};
    if !matches!(error.kind(), InvalidValue | MissingRequiredArgument | ValueValidation) {
        return None;
    }
    let guilty = guilty(error);
    let is_guilty = |argument: &Arg| guilty.contains(&argument.to_string());
    // What another one requires would be missed for ever.
    let is_passable = |argument: &Arg| error.kind() != ErrorKind::MissingRequiredArgument || argument.is_required_set();
    let mut causes = command.get_arguments().filter(|argument| is_guilty(argument)).peekable();
    let known = causes.peek().is_some() && causes.all(is_passable);
    known.then(|| {
        command.clone().mut_args(|argument| match is_guilty(&argument) {
            true => argument.required(false).value_parser(value_parser!(OsString)),
            false => argument,
        })
    })
}

fn guilty(error: &clap::Error) -> Vec<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => vec![argument.clone()],
        Some(ContextValue::Strings(arguments)) => arguments.clone(),
        _ => Vec::new(),
    }
}

fn lines(command: &Command, error: &clap::Error) -> Vec<String> {
    let guilty = guilty(error);
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return guilty.into_iter().map(|argument| format!("{argument} is required")).collect();
    }
    let mut secrets = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    match secrets.find(|secret| guilty.contains(&secret.to_string())) {
        // clap would show the value.
        Some(secret) => vec![format!("{secret} {}", error.source().map(ToString::to_string).unwrap_or_default())],
        None => vec![first_line(error)],
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use std::{env::temp_dir, net::SocketAddr};

    use super::*;
    use crate::Secret;

    #[derive(clap::Parser, Debug)]
    struct Settings {
        #[arg(long, env = "SETTINGS_TEST_ADDR")]
        addr: SocketAddr,
        #[arg(long, env = "SETTINGS_TEST_LIMIT", default_value = "7")]
        limit: u8,
        #[arg(long, env = "SETTINGS_TEST_PASSWORD", hide_env_values = true, value_parser = password)]
        password: Secret,
        #[arg(long, env = "SETTINGS_TEST_MODE", default_value = "off")]
        mode: String,
        #[arg(long, env = "SETTINGS_TEST_FILE", required_if_eq("mode", "file"))]
        file: Option<String>,
        #[arg(long, env = "SETTINGS_TEST_KEY", requires = "certificate")]
        key: Option<String>,
        #[arg(long, env = "SETTINGS_TEST_CERTIFICATE")]
        certificate: Option<String>,
    }

    fn password(text: &str) -> Result<Secret, &'static str> {
        if text.len() < 8 { Err("is too short") } else { Ok(text.to_owned().into()) }
    }

    fn read(arguments: &[&str], file: Option<&str>) -> Result<Settings, String> {
        let arguments = ["test"].iter().chain(arguments).map(OsString::from);
        let variable = |name: &str| (name == "SETTINGS_TEST_PASSWORD_FILE").then(|| file.map(OsString::from));
        try_parse(arguments, |name| variable(name).flatten()).map_err(|stop| match stop {
            Stop::Answered(answer) => answer.to_string(),
            Stop::Wrong(problems) => problems.to_string(),
        })
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let problems = read(&["--addr", "nowhere", "--limit", "300"], None).unwrap_err();
        assert_eq!(problems.lines().count(), 3, "{problems}");
        for part in ["nowhere", "300", "--password <PASSWORD> is required"] {
            assert!(problems.contains(part), "{part} is not in: {problems}");
        }
    }

    #[test]
    fn what_another_setting_requires_is_one_of_the_problems() {
        let problems = read(&["--addr", "nowhere", "--password", "hush hush", "--mode", "file"], None).unwrap_err();
        assert_eq!(problems.lines().count(), 2, "{problems}");
        assert!(problems.contains("nowhere") && problems.contains("--file <FILE> is required"), "{problems}");
        let settings =
            read(&["--addr", "127.0.0.1:1", "--password", "hush hush", "--mode=file", "--file=a"], None).unwrap();
        assert_eq!((settings.mode.as_str(), settings.file.as_deref()), ("file", Some("a")));
    }

    #[test]
    fn what_another_one_requires_is_a_problem_beside_others() {
        let problems = read(&["--limit", "300", "--key", "k"], None).unwrap_err();
        for part in ["'300'", "--addr <ADDR> is required", "--certificate <CERTIFICATE> is required"] {
            assert_eq!(problems.matches(part).count(), 1, "{part}: {problems}");
        }
        let problems = read(&["--addr", "127.0.0.1:1", "--password", "long enough", "--key", "k"], None).unwrap_err();
        assert_eq!(problems, "--certificate <CERTIFICATE> is required");
    }

    #[test]
    fn an_unknown_argument_is_a_problem() {
        let problems = read(&["--adr", "127.0.0.1:1"], None).unwrap_err();
        assert!(problems.contains("--adr"), "{problems}");
    }

    #[test]
    fn what_is_said_twice_is_a_problem() {
        let problems = read(&["--addr", "127.0.0.1:1", "--addr", "127.0.0.1:2"], None).unwrap_err();
        assert!(problems.contains("cannot be used multiple times"), "{problems}");
    }

    #[test]
    fn help_is_an_answer_and_no_problem() {
        let help = read(&["--help"], None).unwrap_err();
        assert!(help.contains("--limit <LIMIT>"), "{help}");
    }

    #[test]
    fn a_secret_is_read_from_a_file_without_its_newline() {
        let path = temp_dir().join(format!("settings-test-{}", process::id()));
        fs::write(&path, "correct horse\n").unwrap();
        let settings = read(&["--addr", "127.0.0.1:1"], path.to_str()).unwrap();
        assert_eq!(settings.password.expose(), "correct horse");
        assert_eq!(settings.limit, 7);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_missing_secrets_file_is_one_of_the_problems() {
        let problems = read(&["--addr", "x"], Some("/nowhere/at/all")).unwrap_err();
        assert!(problems.contains("SETTINGS_TEST_PASSWORD_FILE: /nowhere/at/all"), "{problems}");
        assert!(problems.contains("--addr"), "{problems}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let settings = read(&["--addr", "127.0.0.1:1", "--password", "hush hush"], None).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn not_even_a_secret_that_is_refused_is_printed() {
        let problems = read(&["--addr", "127.0.0.1:1", "--password", "hush"], None).unwrap_err();
        assert_eq!(problems, "--password <PASSWORD> is too short");
    }
}
