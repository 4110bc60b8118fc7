# users: registers itself, gets its certificate, and follows its settings.
service "users" {
  policy = "write"
}
key_prefix "joist/users/" {
  policy = "read"
}
