//! What /proc says of processes (proc(5)): their time, their children, their memory.

use std::{fs, io};

/// Of the clock that processors' time is told in: USER_HZ, which is 100 wherever Linux runs.
const TICKS_IN_A_SECOND: f64 = 100.0;

/// Seconds of a processor since it was started, by all its threads, for itself and for the kernel. Nothing: it has ended.
pub fn processor_time(id: u32) -> Option<f64> {
    time_of_process(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Seconds of all processors since the machine was started, in which they were not idle.
pub fn busy() -> io::Result<f64> {
    Ok(time_of_machine(&fs::read_to_string("/proc/stat")?))
}

pub fn children(id: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// What it calls itself.
pub fn title(id: u32) -> String {
    let title = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&title).replace('\0', " ")
}

/// MiB of its memory that are not somewhere else: now, and at most so far.
pub fn memory(id: u32) -> Option<[f64; 2]> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some([mebibytes(&status, "VmRSS:")?, mebibytes(&status, "VmHWM:")?])
}

/// The fields utime and stime. The name of the program before them may have spaces.
fn time_of_process(stat: &str) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_IN_A_SECOND)
}

/// Its first line: user, nice, system, idle, iowait, irq, softirq, and what a guest has no say in.
fn time_of_machine(stat: &str) -> f64 {
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
    [0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum::<f64>() / TICKS_IN_A_SECOND
}

fn mebibytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_time_is_its_own_and_the_kernels() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 3 0 100 1000 10";
        assert_eq!(time_of_process(stat), Some(3.0));
        assert_eq!(time_of_process("nonsense"), None);
    }

    #[test]
    fn a_machine_that_waits_is_idle() {
        assert_eq!(time_of_machine("cpu  100 1 200 9999 5000 3 4 77 0 0\ncpu0 1 2 3"), 3.08);
    }

    #[test]
    fn memory_is_told_in_mebibytes() {
        assert_eq!(mebibytes("VmHWM:\t   4096 kB\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2.0));
        assert_eq!(mebibytes("", "VmRSS:"), None);
    }

    #[test]
    fn this_process_is_there() {
        let id = std::process::id();
        assert!(processor_time(id).is_some() && memory(id).is_some_and(|[now, most]| now > 0.0 && most >= now));
    }
}
