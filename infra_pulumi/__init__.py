# SPDX-License-Identifier: Apache-2.0
"""The cloud that Countersign runs in: a Pulumi program for EKS, tables, a locked archive and least-privilege roles."""
