/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_ELF_H
#define NATIVE_ASM_ELF_H
typedef unsigned long elf_greg_t;
typedef elf_greg_t elf_gregset_t[3];
typedef struct { int unused; } elf_fpregset_t;
#define ELF_CLASS ELFCLASS64
#define ELF_DATA ELFDATA2LSB
#define ELF_ARCH EM_NONE
#define ELF_EXEC_PAGESIZE 4096
#define ELF_ET_DYN_BASE 0UL
#define ELF_HWCAP 0
#define ELF_PLATFORM ((char *)0)
#define elf_check_arch(x) 0
#endif
