// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference of bench/inspect.js: what one would write in C for this one question. The page tables of an x86-64
 * kernel, 4 levels, in a file that has physical memory from 0 on at one offset: leaves counted by their size and their
 * bits. It finds nothing by itself, checks nothing but the end of the file, and enters a table as often as it is named.
 *
 *     walk mmap|pread FILE OFFSET ROOT [REPEAT]
 *
 * Prints, of the fastest of REPEAT walks, nanoseconds, tables entered, leaves and kinds of leaves.
 */

#define _FILE_OFFSET_BITS 64
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 512
#define PRESENT 0x1
#define LARGE 0x80
#define FRAME 0x000ffffffffff000ull
#define KINDS 64

struct kind {
	int level;
	uint64_t bits;
	uint64_t count;
};

static int file;
static const uint8_t *mapped; /* NULL: read each table with pread */
static uint64_t file_size, offset;
static struct kind kinds[KINDS];
static int kinds_seen;
static uint64_t tables;

static struct kind *find_kind(int level, uint64_t bits)
{
	for (int i = 0; i < kinds_seen; i++)
		if (kinds[i].level == level && kinds[i].bits == bits)
			return &kinds[i];
	if (kinds_seen == KINDS) {
		fprintf(stderr, "walk: more than %d kinds of leaves\n", KINDS);
		exit(1);
	}
	kinds[kinds_seen] = (struct kind){ level, bits, 0 };
	return &kinds[kinds_seen++];
}

static const uint64_t *table_at(uint64_t address, uint64_t *buffer)
{
	if (address > file_size - offset - 4096)
		return NULL;
	if (mapped)
		return (const uint64_t *)(mapped + offset + address);
	return pread(file, buffer, 4096, offset + address) == 4096 ? buffer : NULL;
}

static void walk(uint64_t address, int level, int first)
{
	uint64_t buffer[ENTRIES];
	const uint64_t *table = table_at(address, buffer);
	struct kind *kind = NULL;

	if (!table)
		return;
	tables++;
	for (int i = first; i < ENTRIES; i++) {
		uint64_t entry = table[i];

		if (entry == 0)
			continue;
		if (level > 1 && (entry & PRESENT) && !(entry & LARGE)) {
			walk(entry & FRAME, level - 1, 0);
			continue;
		}
		/* The one before is most often of the same kind. */
		if (!kind || kind->bits != (entry & ~FRAME))
			kind = find_kind(level, entry & ~FRAME);
		kind->count++;
	}
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t root, least = UINT64_MAX, leaves = 0;
	struct stat status;

	if (argc < 5)
		return 2;
	file = open(argv[2], O_RDONLY);
	if (file < 0 || fstat(file, &status) < 0) {
		perror(argv[2]);
		return 1;
	}
	file_size = status.st_size;
	offset = strtoull(argv[3], NULL, 0);
	root = strtoull(argv[4], NULL, 0);
	if (strcmp(argv[1], "mmap") == 0) {
		mapped = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, file, 0);
		if (mapped == MAP_FAILED) {
			perror("mmap");
			return 1;
		}
	}
	for (int i = argc > 5 ? atoi(argv[5]) : 1; i > 0; i--) {
		uint64_t start = now();

		kinds_seen = 0;
		tables = 0;
		walk(root, 4, ENTRIES / 2);
		if (now() - start < least)
			least = now() - start;
	}
	for (int i = 0; i < kinds_seen; i++)
		leaves += kinds[i].count;
	printf("%llu %llu %llu %d\n", (unsigned long long)least, (unsigned long long)tables,
	       (unsigned long long)leaves, kinds_seen);
	return 0;
}
