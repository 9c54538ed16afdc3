// The service of the interop tests (java/mesh/interop/EchoService.java) in Thrift's language.

exception Refused {
  1: string message
}

service Echo {
  string echo(1: string text)
  string delay(1: string text, 2: i32 millis)
  string fail(1: string message) throws (1: Refused refused)
  oneway void note(1: string token)
  list<string> notes()
  string who()
}
