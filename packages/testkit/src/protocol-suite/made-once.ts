import type { ExchangeSample, OpeningSample, ProtocolFixtures, RequestSample } from './fixtures.ts';

/** Messages kept of a sample: most tests ask for the same few ids, some for thousands that do not come again. */
const keptMax = 8;

/**
 * The same fixtures, whose samples are built once and copied from then on: tests ask for them thousands of times, and
 * building them frame by frame takes longer than reading them.
 */
export function madeOnce(fixtures: ProtocolFixtures): ProtocolFixtures {
  const { exchanges, oneWay, opening } = fixtures;
  return {
    ...fixtures,
    exchanges: exchanges.map(exchangeMadeOnce),
    ...(oneWay !== undefined && { oneWay: requestMadeOnce(oneWay) }),
    ...(opening !== undefined && { opening: openingMadeOnce(opening) }),
  };
}

function requestMadeOnce(sample: RequestSample): RequestSample {
  return { ...sample, request: kept((id) => sample.request(id)) };
}

function exchangeMadeOnce(sample: ExchangeSample): ExchangeSample {
  return { ...sample, request: kept((id) => sample.request(id)), response: kept((id) => sample.response(id)) };
}

function openingMadeOnce(sample: OpeningSample): OpeningSample {
  const client = kept(() => sample.fromClient());
  const server = kept(() => sample.fromServer());
  return { fromClient: () => client(0), fromServer: () => server(0) };
}

/** Every call has memory of its own, as the fixtures promise. */
function kept(make: (id: number) => Buffer): (id: number) => Buffer {
  const messages = new Map<number, Buffer>();
  return (id) => {
    const known = messages.get(id);
    if (known !== undefined) return Buffer.from(known);
    const message = make(id);
    if (messages.size < keptMax) messages.set(id, Buffer.from(message));
    return message;
  };
}
