# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of atoll(1) for bash. Names are those of `atoll list`; without an answer within a second there are none.

# _atoll_names ROLE...: the names of the domains that have one of these roles
_atoll_names() {
	timeout 1 atoll list 2>/dev/null </dev/null |
		awk -v roles=" $* " 'NR > 2 && index(roles, " " $3 " ") { print $2 }'
}

_atoll() {
	local word=${COMP_WORDS[COMP_CWORD]} verb='' i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = --json ] && [ -z "$verb" ] && continue
		if [ "$verb" = restart ] && [ "$i" = $((COMP_CWORD - 1)) ]; then
			[ "${COMP_WORDS[i]}" != --kernel ] || mapfile -t COMPREPLY < <(compgen -W "debian
				$(ls /usr/lib/atoll/images/kernels 2>/dev/null)" -- "$word")
			[ "${COMP_WORDS[i]}" = --kernel ] || COMPREPLY=(--kernel)
			return 0
		fi
		[ -z "$verb" ] || return 0 # no other verb has two arguments
		verb=${COMP_WORDS[i]}
	done
	case $verb in
		'')
			mapfile -t COMPREPLY < <(compgen -W "up down plan status list create info save restore migrate receive attach detach
				rename set shutdown reboot destroy pause unpause restart qmp console logs events
				top metrics audit experiment check setup help --json" -- "$word")
			;;
		create | restore | plan | experiment)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			;;
		save | migrate | attach | detach | rename | set | shutdown | reboot | destroy | pause | unpause | qmp)
			mapfile -t COMPREPLY < <(compgen -W "$(_atoll_names guest)" -- "$word")
			;;
		restart)
			mapfile -t COMPREPLY < <(compgen -W "$(_atoll_names console net disk)" -- "$word")
			;;
		events) mapfile -t COMPREPLY < <(compgen -W "--follow" -- "$word") ;;
		audit) mapfile -t COMPREPLY < <(compgen -W "verify exposures" -- "$word") ;;
		console | logs | info)
			mapfile -t COMPREPLY < <(compgen -W "$(_atoll_names store console net disk dm guest)" -- "$word")
			;;
	esac
}

complete -F _atoll atoll
