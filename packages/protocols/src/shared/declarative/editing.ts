import type { FrameEdits } from '@sofamesh/contract/frame-format';
import { headerOf, layoutOf, partOf } from './frame-parts.ts';
import type { Codec } from './read-codec.ts';
import type { Source } from './sources.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

/** What an edit comes to: parts with other bytes, headers with other values, numbers of the head. */
class Changes {
  readonly codec: Codec;
  readonly frame: Buffer;
  readonly parts = new Map<string, Buffer>();
  headers: Pairs | undefined;
  readonly numbers: ((head: Buffer) => boolean)[] = [];

  constructor(codec: Codec, frame: Buffer, headers: Pairs | undefined) {
    this.codec = codec;
    this.frame = frame;
    this.headers = headers;
  }

  /** False where the source cannot say it. */
  rename(source: Source | undefined, name: string): boolean {
    switch (source?.in) {
      case 'part':
        this.parts.set(source.name, Buffer.from(name));
        return true;
      case 'header': {
        const old = headerOf(this.codec, this.frame, source.name) ?? '';
        const until = source.until === undefined ? -1 : old.indexOf(source.until);
        this.setHeader(source.name, until < 0 ? name : name + old.slice(until));
        return true;
      }
      case 'number': {
        const number = source.numbers.get(name) ?? (/^\d{1,10}$/.test(name) ? Number(name) : undefined);
        if (number === undefined) return false;
        this.numbers.push((head) => source.field.write(head, number));
        return true;
      }
      default:
        return false;
    }
  }

  setHeader(name: string, value: string): void {
    const others = this.#allHeaders().filter(([each]) => each !== name);
    this.headers = [...others, [name, value]];
  }

  #allHeaders(): Pairs {
    if (this.headers !== undefined) return this.headers;
    const received: [string, string][] = [];
    this.codec.headers?.visit(partOf(this.codec, this.frame, 'headers'), (name, value) => received.push([name, value]));
    return received;
  }
}

/** The frame with the edits in it; undefined where it has no place for one of them. */
export function rebuild(codec: Codec, frame: Buffer, edits: FrameEdits): Buffer | undefined {
  const layout = layoutOf(codec, frame);
  const bounds = layout?.locate(frame);
  if (layout === undefined || bounds === undefined) return undefined;
  const changes = new Changes(codec, frame, edits.headers);
  if (edits.service !== undefined && !changes.rename(codec.service, edits.service)) return undefined;
  if (edits.method !== undefined && !changes.rename(codec.method, edits.method)) return undefined;
  if (edits.body !== undefined) changes.parts.set('body', edits.body);
  if (changes.headers !== undefined) {
    const block = codec.headers?.edit(partOf(codec, frame, 'headers'), changes.headers);
    if (block === undefined) return undefined;
    changes.parts.set('headers', block);
  }
  const byIndex = new Map([...changes.parts].map(([name, bytes]) => [layout.indexOf(name), bytes]));
  if (byIndex.has(-1)) return undefined;
  const rebuilt = layout.assemble(frame, bounds, byIndex);
  if (rebuilt === undefined || !changes.numbers.every((write) => write(rebuilt))) return undefined;
  if (edits.status === undefined) return rebuilt;
  const status = codec.errorReply?.statuses.ofHttp(edits.status) ?? statusFor(codec, edits.status);
  return status !== undefined && codec.status?.field.write(rebuilt, status) ? rebuilt : undefined;
}

/** One that stands for that HTTP status. */
function statusFor({ status }: Codec, httpStatus: number): number | undefined {
  if (httpStatus >= 200 && httpStatus < 300) return status?.ok[0];
  return [...(status?.http ?? [])].find(([, http]) => http === httpStatus)?.[0];
}
