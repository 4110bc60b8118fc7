# payments: follows its settings. Nobody is to find it, and it calls nobody.
key_prefix "joist/payments/" {
  policy = "read"
}
