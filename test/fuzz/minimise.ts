/**
 * A shorter input that fails as this one does: parts are left out, large ones first, as long as `fails` says so and there is
 * time. Then octets become `a`, so that those that matter stand out.
 */
export async function minimise(
  input: Buffer,
  budgetMs: number,
  fails: (candidate: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  const endMs = performance.now() + budgetMs;
  let smallest = input;
  const tryIt = async (candidate: Buffer): Promise<boolean> => {
    if (performance.now() > endMs || candidate.length === 0 || !(await fails(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < smallest.length; ) {
      const without = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (!(await tryIt(without))) at += size;
    }
  }
  for (let at = 0; at < smallest.length; at++) {
    if (smallest[at] === 0x61) continue;
    const plainer = Buffer.from(smallest);
    plainer[at] = 0x61;
    await tryIt(plainer);
  }
  return smallest;
}
