// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real KVM's local APICs, driven from userspace through its ioctls: a line in, a line out. No guest code runs; what
 * a vCPU would do to its x2APIC, KVM_SET_MSRS does for it.
 *
 *   i NCPU            new VM, split irqchip, CPUID as KVM offers it     0
 *   w CPU MSR VALUE   KVM_SET_MSRS                                      1, or 0 when it is refused
 *   r CPU MSR         KVM_GET_MSRS                                      1 VALUE, or 0
 *   m ADDRESS DATA    KVM_SIGNAL_MSI                                    its result
 *   s CPU REG VALUE   KVM_GET_LAPIC, one register changed, KVM_SET_LAPIC    its result
 *   p CPU             KVM_GET_MP_STATE                                  the state
 *   g CPU             KVM_GET_LAPIC                                     256 words
 *
 * Numbers are hexadecimal. Ends with 1 and a word on stderr when KVM cannot do what is needed.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CPUS 16
#define LEAVES 256

static int kvm = -1, vm = -1, vcpu[CPUS], cpus;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void set_cpuid(int fd)
{
	static char room[sizeof(struct kvm_cpuid2) + LEAVES * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)room;

	memset(room, 0, sizeof(room));
	cpuid->nent = LEAVES;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		fail("KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= 1u << 21 | 1u << 24;
	if (ioctl(fd, KVM_SET_CPUID2, cpuid) < 0)
		fail("KVM_SET_CPUID2");
}

static void init(int n)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

	for (int i = 0; i < cpus; i++)
		close(vcpu[i]);
	if (vm >= 0)
		close(vm);
	if (n < 1 || n > CPUS) {
		fprintf(stderr, "1 to %d vCPUs\n", CPUS);
		exit(1);
	}
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		fail("KVM_CREATE_VM");
	if (ioctl(vm, KVM_ENABLE_CAP, &cap) < 0)
		fail("KVM_CAP_SPLIT_IRQCHIP");
	for (cpus = 0; cpus < n; cpus++) {
		vcpu[cpus] = ioctl(vm, KVM_CREATE_VCPU, cpus);
		if (vcpu[cpus] < 0)
			fail("KVM_CREATE_VCPU");
		set_cpuid(vcpu[cpus]);
	}
	puts("0");
}

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

static void msr(int write, int cpu, unsigned int index, unsigned long long value)
{
	struct one_msr one = { .head = { .nmsrs = 1 }, .entry = { .index = index, .data = value } };
	int done = ioctl(vcpu[cpu], write ? KVM_SET_MSRS : KVM_GET_MSRS, &one);

	if (write || done != 1)
		printf("%x\n", done == 1);
	else
		printf("1 %llx\n", (unsigned long long)one.entry.data);
}

static void signal_msi(unsigned int address, unsigned int data)
{
	struct kvm_msi msi = { .address_lo = address, .data = data };
	int r = ioctl(vm, KVM_SIGNAL_MSI, &msi);

	printf("%s%x\n", r < 0 ? "-" : "", r < 0 ? -r : r);
}

static void set_register(int cpu, unsigned int reg, unsigned int value)
{
	struct kvm_lapic_state state;

	if (ioctl(vcpu[cpu], KVM_GET_LAPIC, &state) < 0)
		fail("KVM_GET_LAPIC");
	memcpy(state.regs + (reg & 0x3fc), &value, sizeof(value));
	puts(ioctl(vcpu[cpu], KVM_SET_LAPIC, &state) < 0 ? "-1" : "0");
}

static void show(int cpu)
{
	struct kvm_lapic_state state;
	unsigned int word;

	if (ioctl(vcpu[cpu], KVM_GET_LAPIC, &state) < 0)
		fail("KVM_GET_LAPIC");
	for (int i = 0; i < KVM_APIC_REG_SIZE; i += 4) {
		memcpy(&word, state.regs + i, sizeof(word));
		printf(i == 0 ? "%x" : " %x", word);
	}
	putchar('\n');
}

int main(void)
{
	char line[128], op;
	unsigned long long a, b, c;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		a = b = c = 0;
		if (sscanf(line, "%c %llx %llx %llx", &op, &a, &b, &c) < 2)
			return 1;
		if (op == 'i') {
			init((int)a);
		} else if (op == 'm') {
			signal_msi((unsigned int)a, (unsigned int)b);
		} else if (a >= (unsigned long long)cpus) {
			return 1;
		} else if (op == 'w' || op == 'r') {
			msr(op == 'w', (int)a, (unsigned int)b, c);
		} else if (op == 's') {
			set_register((int)a, (unsigned int)b, (unsigned int)c);
		} else if (op == 'g') {
			show((int)a);
		} else if (op == 'p') {
			struct kvm_mp_state state;

			if (ioctl(vcpu[a], KVM_GET_MP_STATE, &state) < 0)
				fail("KVM_GET_MP_STATE");
			printf("%x\n", state.mp_state);
		} else {
			return 1;
		}
		fflush(stdout);
	}
	return 0;
}
