const groupCharacters = 4;
/** Whole groups of which only the last may be padded. */
const grammar = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Decodes base64 that arrives in pieces cut anywhere. A peer may encode in several runs, each with its own padding (gRPC's
 * PROTOCOL-WEB), so a padded group need not be the last one.
 */
export class Base64Decoder {
  #waiting = '';

  /** The octets that are complete; undefined when it is no base64. */
  decode(chunk: Buffer): Buffer | undefined {
    const text = this.#waiting + chunk.toString('latin1');
    const complete = text.length - (text.length % groupCharacters);
    this.#waiting = text.slice(complete);
    const runs: Buffer[] = [];
    for (let start = 0; start < complete; ) {
      const padding = text.indexOf('=', start);
      const end =
        padding < 0 || padding >= complete ? complete : padding - (padding % groupCharacters) + groupCharacters;
      const run = text.slice(start, end);
      if (!grammar.test(run)) return undefined;
      runs.push(Buffer.from(run, 'base64'));
      start = end;
    }
    return runs.length === 1 ? runs[0]! : Buffer.concat(runs);
  }

  /** Nothing waits for the rest of a group. */
  get whole(): boolean {
    return this.#waiting === '';
  }
}
