/** What is written of Protocol Buffers (https://protobuf.dev/programming-guides/encoding): fields of a message, one after the other. */
export class MessageWriter {
  readonly #parts: Buffer[] = [];

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  bytes(field: number, value: Buffer): void {
    this.#head(field, 2);
    this.#varint(BigInt(value.length));
    this.#parts.push(value);
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value));
  }

  message(field: number, write: (writer: MessageWriter) => void): void {
    const writer = new MessageWriter();
    write(writer);
    this.bytes(field, writer.finish());
  }

  /** A whole number: enum, bool or int64. */
  integer(field: number, value: number): void {
    this.#head(field, 0);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
  }

  fixed64(field: number, value: bigint): void {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64LE(value);
    this.#head(field, 1);
    this.#parts.push(bytes);
  }

  double(field: number, value: number): void {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleLE(value);
    this.#head(field, 1);
    this.#parts.push(bytes);
  }

  #head(field: number, wireType: number): void {
    this.#varint(BigInt((field << 3) | wireType));
  }

  #varint(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    this.#parts.push(Buffer.from([...bytes, Number(rest)]));
  }
}
