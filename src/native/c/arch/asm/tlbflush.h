/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_TLBFLUSH_H
#define NATIVE_ASM_TLBFLUSH_H
struct mm_struct;
struct vm_area_struct;
#define flush_tlb_all() do { } while (0)
#define flush_tlb_mm(mm) do { } while (0)
#define flush_tlb_page(vma, address) do { } while (0)
#define flush_tlb_range(vma, start, end) do { } while (0)
#define flush_tlb_kernel_range(start, end) do { } while (0)
#define local_flush_tlb_all() do { } while (0)
#endif
