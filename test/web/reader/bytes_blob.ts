/** A blob whose bytes a test in Node can have without waiting, as only workers of a browser can. */

export class BytesBlob extends Blob {
  readonly held: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super([bytes]);
    this.held = bytes;
  }

  override slice(start?: number, end?: number): BytesBlob {
    return new BytesBlob(this.held.slice(start, end));
  }
}

/** What FileReaderSync is in a worker; `asked` is told the size of each piece. */
export function bytesReader(asked: number[] = []) {
  return {
    readAsArrayBuffer(blob: Blob): ArrayBuffer {
      if (!(blob instanceof BytesBlob)) throw new Error('not of this test');
      asked.push(blob.size);
      return blob.held.buffer;
    },
  };
}
