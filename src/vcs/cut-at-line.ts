/** Text that ends with a whole line where it was cut. */
export function cutAtLine(bytes: Buffer, isCut: boolean): string {
  return bytes.subarray(0, isCut ? bytes.lastIndexOf(0x0a) + 1 : bytes.length).toString('utf8');
}

/** Two texts, of the second one as many whole lines as there is room for, in bytes. */
export function joined(
  first: string,
  second: string,
  roomBytes: number,
): { readonly text: string; readonly truncated: boolean } {
  const bytes = Buffer.from(second);
  const isCut = bytes.length > roomBytes;
  return { text: first + cutAtLine(bytes.subarray(0, roomBytes), isCut), truncated: isCut };
}
