// S51, until v6.9: 2M of a guest's memory are to be shared with the host
// for a device. The host is asked for 510 pages at a time and refuses
// the rest; the block is freed. Its next owner's data are the host's to
// read. b9fa16949d18 ("dma-direct: Leak pages on dma_set_decrypted()
// failure") in v6.9. v6.1 itself mapped what it shared a second time and
// is not modelled so far.
// Breaks P8: free pages are shared.
({
  kernel: 'v6.12~dma-leaks-on-error',
  ram: '2G',
  features: { vtom: true, encryption_bit: 46 },
});

const block = alloc_pages(9);
__free_pages(block, 9); // so that the next to ask gets it
fail_alloc(4); // 1: the block, 2: the list of frames, 3 and 4: what the host answers
dma_direct_alloc(9);
expect(host_can_read(block), 1);
expect(host_can_read(block + 511), 0);
