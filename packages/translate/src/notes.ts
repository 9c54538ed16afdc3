import { describeObject, type MeshObject } from '@sofamesh/model/object';
import type { TranslationNote } from './input.ts';

/** Gathers what translation has to say, each sentence once. */
export class Notes {
  readonly #notes = new Map<string, TranslationNote>();

  add(object: string | Pick<MeshObject, 'kind' | 'metadata'>, reason: string): void {
    const name = typeof object === 'string' ? object : describeObject(object);
    this.#notes.set(`${name}\n${reason}`, { object: name, reason });
  }

  addAll(notes: readonly TranslationNote[]): void {
    for (const { object, reason } of notes) this.add(object, reason);
  }

  list(): readonly TranslationNote[] {
    return [...this.#notes.values()];
  }
}
