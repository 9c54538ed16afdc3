/** Judges a text: the reason why it is wrong, as an end of the sentence "FIELD …", or undefined if it is right. */
export type Rule = (value: string) => string | undefined;
