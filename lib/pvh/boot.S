/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry of a PVH domain: 32-bit flat mode, paging off, interrupts off, %ebx = struct hvm_start_info.
 * Identity-maps 4 GiB with 2 MiB pages, enters long mode and calls pvh_boot(start_info). paging.c replaces
 * the wide-open map by a tight one. Runs at the first boot and again at every in-place reload; .bss is zero
 * in both cases.
 */
#include "pvh/layout.h"
#include "pvh/boot.h"

	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 4, 18		/* namesz, descsz, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	pvh_start

	.section .text.boot, "ax", @progbits
	.code32
	.globl	pvh_start
pvh_start:
	cld
	cli
	mov	%ebx, %ebp
	mov	$pvh_stack_top, %esp
	/* 4 page directories, adjacent: 2,048 entries: present, writable, large. */
	mov	$pvh_pd, %edi
	mov	$0x83, %eax
1:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b
	movl	$pvh_pd + 0x0003, pvh_pdpt
	movl	$pvh_pd + 0x1003, pvh_pdpt + 8
	movl	$pvh_pd + 0x2003, pvh_pdpt + 16
	movl	$pvh_pd + 0x3003, pvh_pdpt + 24
	movl	$pvh_pdpt + 3, pvh_pml4
	mov	$0x20, %eax		/* CR4.PAE; no SSE: we use general registers only */
	mov	%eax, %cr4
	mov	$pvh_pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x80010001, %eax	/* CR0: PG, WP, PE */
	mov	%eax, %cr0
	lgdt	pvh_gdt_ptr
	ljmp	$PVH_SEL_CODE, $2f

	.code64
2:	mov	$PVH_SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$pvh_stack_top, %esp
	mov	%ebp, %edi
	xor	%ebp, %ebp
	call	pvh_boot
3:	cli
	hlt
	jmp	3b

/*
 * The event-channel upcall. It can only interrupt pvh_wait()'s hlt, and all it has to do is to make the
 * interrupt go away: the pending bits are scanned in C. %eax suffices for the address (it is above 2 GiB: no
 * sign extension wanted).
 */
	.globl	pvh_upcall
pvh_upcall:
	push	%rax
	mov	$PVH_SHARED_INFO, %eax
	movb	$0, (%rax)		/* vcpu_info[0].evtchn_upcall_pending */
	pop	%rax
	iretq

/* Exceptions: all are fatal. Stack at pvh_trap: vector, error code, rip, cs, rflags, rsp, ss. */
	.altmacro
	.macro	trap_stub n
	.balign	16
	.if	(\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17) || (\n == 21) || (\n == 29) || (\n == 30)
	.else
	push	$0
	.endif
	push	$\n
	jmp	trap_common
	.endm

	.balign	16
	.globl	pvh_trap_stubs
pvh_trap_stubs:
	.set	i, 0
	.rept	PVH_TRAPS
	trap_stub %i
	.set	i, i + 1
	.endr
trap_common:
	mov	%rsp, %rdi
	mov	%cr2, %rsi
	and	$-16, %rsp
	call	pvh_trap
	ud2

/*
 * Filled by Xen (through the hypercall MSR): 32 bytes a call. In .text, so that it may be executed and not
 * written by us.
 */
	.balign	4096
	.globl	hypercall_page
hypercall_page:
	.fill	4096, 1, 0xcc

	.section .bss.pvh_boot, "aw", @nobits
	.balign	4096
	.globl	pvh_pml4, pvh_pdpt, pvh_pd, pvh_pt0, pvh_stack_guard, pvh_stack_top, pvh_trap_stack_top
pvh_pml4:	.skip	4096
pvh_pdpt:	.skip	4096
pvh_pd:		.skip	16384
pvh_pt0:	.skip	4096
pvh_stack_guard: .skip	4096
		.skip	PVH_STACK_SIZE
pvh_stack_top:
		.skip	4096
pvh_trap_stack_top:

	.section .note.GNU-stack, "", @progbits
