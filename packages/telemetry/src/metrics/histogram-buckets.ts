/**
 * Log-linear buckets: each power of two is cut in 16, so a value is known to within 6 %. Values are milliseconds with a
 * resolution of one microsecond; the last bucket begins at about 12 days.
 */
const subBits = 4;
const subCount = 1 << subBits;
const unitsPerValue = 1000;
const exponentMax = 40;
const unitsBeyond = 2 ** exponentMax;
/** More do not fit into a small integer. */
const wideUnits = 2 ** 30;
const narrowedBits = 16;

export const bucketCount = (exponentMax - subBits + 1) * subCount;

/** Bucket of a value; negative and NaN count as zero, too large ones as the largest. */
export function bucketOf(value: number): number {
  const units = value > 0 ? value * unitsPerValue : 0;
  if (units < subCount) return units | 0;
  if (units < wideUnits) return narrowBucket(units | 0, 0);
  // Sixteen bits less say nothing that a bucket that wide does: no power is computed for each value.
  return units < unitsBeyond ? narrowBucket((units / 2 ** narrowedBits) | 0, narrowedBits) : bucketCount - 1;
}

/** Of at least {@link subCount} units, after `narrowed` low bits were cut off. */
function narrowBucket(units: number, narrowed: number): number {
  const shift = 31 - Math.clz32(units) - subBits;
  return (shift + narrowed + 1) * subCount + (units >> shift) - subCount;
}

/** Smallest value of a bucket. */
export function bucketStart(bucket: number): number {
  if (bucket < subCount) return bucket / unitsPerValue;
  const shift = Math.floor(bucket / subCount) - 1;
  return ((subCount + (bucket % subCount)) * 2 ** shift) / unitsPerValue;
}

/** Counts of one histogram, summed over threads. */
export class HistogramCounts {
  readonly counts = new Float64Array(bucketCount);
  total = 0;
  sum = 0;

  addFrom(buckets: Uint32Array, sum: number): void {
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const count = buckets[bucket]!;
      this.counts[bucket] = this.counts[bucket]! + count;
      this.total += count;
    }
    this.sum += sum;
  }

  /** Value below which `share` (0 to 1) of all recorded values lie; NaN without values. */
  quantile(share: number): number {
    if (this.total === 0) return Number.NaN;
    const rank = Math.max(share * this.total, Number.EPSILON);
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const count = this.counts[bucket]!;
      if (count === 0 || seen + count < rank) {
        seen += count;
        continue;
      }
      const start = bucketStart(bucket);
      return start + ((bucketStart(bucket + 1) - start) * (rank - seen)) / count;
    }
    return bucketStart(bucketCount - 1);
  }

  /** How many values are at most `bound`. */
  countUpTo(bound: number): number {
    const last = bucketOf(bound);
    let count = 0;
    for (let bucket = 0; bucket <= last; bucket++) count += this.counts[bucket]!;
    return count;
  }

  /** What was recorded since `earlier`. */
  minus(earlier: HistogramCounts): HistogramCounts {
    const difference = new HistogramCounts();
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      difference.counts[bucket] = this.counts[bucket]! - earlier.counts[bucket]!;
    }
    difference.total = this.total - earlier.total;
    difference.sum = this.sum - earlier.sum;
    return difference;
  }
}
