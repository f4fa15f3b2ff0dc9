variable "GREETING" { default = "hello" }

group "default" { targets = ["greeting", "copy"] }

target "greeting" {
  dockerfile-inline = "FROM scratch\nARG GREETING\nCOPY <<EOF /greeting.txt\n$${GREETING}\nEOF\n"
  args = { GREETING = GREETING }
  platforms = ["linux/amd64", "linux/arm64"]
}

target "copy" {
  contexts = { first = "target:greeting" }
  dockerfile-inline = "FROM scratch\nCOPY --from=first /greeting.txt /copy.txt\n"
  platforms = ["linux/amd64", "linux/arm64"]
}
