import type { SharedNumbers } from '@sofamesh/contract/network-filter';

/** Shared numbers of a filter that shares them with nobody. */
export class LocalNumbers implements SharedNumbers {
  /** Places that are taken. */
  places = 0;
  value = 0;

  takePlace(max: number): boolean {
    if (this.places >= max) return false;
    this.places++;
    return true;
  }

  returnPlace(): void {
    this.places--;
  }

  update(change: (value: number) => number | undefined): boolean {
    const next = change(this.value);
    if (next === undefined) return false;
    this.value = next;
    return true;
  }
}
