//! What there is to be allowed, and what of it somebody gets.

use identity::Scopes;

const ADMIN: &str = "admin";

/// What everybody may do with what is theirs.
const EVERYBODYS: [&str; 4] = ["orders:read", "orders:write", "users:read", "users:write"];

/// All that there are.
pub fn all() -> Scopes {
    of_person(true)
}

pub fn of_person(is_admin: bool) -> Scopes {
    let admin = is_admin.then_some(ADMIN);
    EVERYBODYS.into_iter().chain(admin).map(str::to_owned).collect()
}

/// Of what is allowed, what was asked for. Whoever asks for nothing gets it all, but power over others has to be asked
/// for by its name.
pub fn granted(asked: &Scopes, allowed: &Scopes) -> Scopes {
    match asked.is_empty() {
        true => allowed.iter().filter(|scope| *scope != ADMIN).map(str::to_owned).collect(),
        false => asked.and(allowed),
    }
}

/// Whether something is asked for that was granted before. RFC 6749, section 6, lets nobody ask for more as well; but there
/// are clients that ask for what they asked for at first, whatever they were granted of it.
pub fn overlap(asked: &Scopes, granted: &Scopes) -> bool {
    asked.is_empty() || !asked.and(granted).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_an_administrator_without_asking() {
        assert_eq!(granted(&scopes(""), &scopes("admin orders:read")).to_string(), "orders:read");
        assert_eq!(granted(&scopes("admin"), &scopes("admin orders:read")).to_string(), "admin");
        assert!(granted(&scopes("admin"), &of_person(false)).is_empty());
    }

    #[test]
    fn what_is_asked_for_again_has_to_have_something_of_what_was_granted() {
        assert!(overlap(&scopes("a"), &scopes("a b")));
        assert!(overlap(&scopes(""), &scopes("a b")));
        assert!(overlap(&scopes("a c"), &scopes("a b")));
        assert!(!overlap(&scopes("c"), &scopes("a b")));
    }
}
